"""Stripe's customers and subscriptions as API objects, whole, from what the company knows. https://docs.stripe.com/api

The sandbox answers as API version 2025-09-30 does, where a subscription's period stands on its
items and an invoice names its subscription under `parent`; the fields of the versions before it
(`current_period_end`, `paid`, `invoice` on a charge …) are there too, since the public contract
still asks for them.
"""

from sandbox.company import names
from sandbox.company.state import Customer, Json, Subscription

ANNUAL = 10  # months' price of a year
_YEN = 150 / 100  # yen have no smaller unit

_ADDRESS = {"city": None, "line1": None, "line2": None, "postal_code": None, "state": None}
_CUSTOMER: Json = {
    "object": "customer",
    "balance": 0,
    "default_source": None,
    "description": None,
    "discount": None,
    "invoice_settings": {
        "custom_fields": None,
        "default_payment_method": None,
        "footer": None,
        "rendering_options": None,
    },
    "livemode": False,
    "preferred_locales": [],
    "shipping": None,
    "tax_exempt": "none",
    "test_clock": None,
}
_SUBSCRIPTION: Json = {
    "object": "subscription",
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_mode": {"type": "classic"},
    "billing_thresholds": None,
    "cancel_at": None,
    "collection_method": "charge_automatically",
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discount": None,
    "discounts": [],
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "livemode": False,
    "metadata": {},
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "test_clock": None,
    "transfer_data": None,
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
}
_PRICE: Json = {
    "object": "price",
    "active": True,
    "billing_scheme": "per_unit",
    "created": 1735689600,
    "custom_unit_amount": None,
    "livemode": False,
    "lookup_key": None,
    "metadata": {},
    "tax_behavior": "unspecified",
    "tiers_mode": None,
    "transform_quantity": None,
    "type": "recurring",
}


def price_of(plan: str, interval: str, currency: str) -> int:
    """In the currency's smallest unit."""
    months = ANNUAL if interval == "year" else 1
    amount = names.PLANS[plan] * months
    return round(amount * _YEN) if currency == "jpy" else amount


def customer(held: Customer) -> Json:
    return _CUSTOMER | {
        "id": held.id,
        "address": _ADDRESS | {"country": held.country},
        "created": held.created,
        "currency": held.currency,
        "delinquent": held.delinquent,
        "email": held.email,
        "invoice_prefix": held.id[-8:].upper(),
        "metadata": {"user_id": held.user_id} if held.user_id else {},
        "name": held.name,
        "next_invoice_sequence": held.invoice_count + 1,
        "phone": held.phone or None,
    }


def subscription(held: Subscription) -> Json:
    period = {"current_period_end": held.period_end, "current_period_start": held.period_start}
    item_id = f"si_{held.id[4:]}"
    item: Json = {
        "id": item_id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": held.created,
        "discounts": [],
        "metadata": {},
        "plan": _plan(held.plan, held.interval, held.currency),
        "price": price(held.plan, held.interval, held.currency),
        "quantity": 1,
        "subscription": held.id,
        "tax_rates": [],
    }
    return _SUBSCRIPTION | {
        "id": held.id,
        "billing_cycle_anchor": held.trial_end or held.created,
        "cancel_at": held.period_end if held.cancel_at_period_end else None,
        "cancel_at_period_end": held.cancel_at_period_end,
        "canceled_at": held.canceled_at or None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": _reason(held)},
        "created": held.created,
        "currency": held.currency,
        **period,
        "customer": held.customer,
        "ended_at": held.ended_at or None,
        "items": listed([item | period], f"/v1/subscription_items?subscription={held.id}"),
        "latest_invoice": held.latest_invoice or None,
        "start_date": held.created,
        "status": held.status,
        "trial_end": held.trial_end or None,
        "trial_start": held.created if held.trial_end else None,
    }


def _reason(held: Subscription) -> str | None:
    if not held.canceled_at:
        return None
    return "payment_failed" if held.owed_invoice else "cancellation_requested"


def price(plan: str, interval: str, currency: str) -> Json:
    amount = price_of(plan, interval, currency)
    return _PRICE | {
        "id": f"price_{plan}_{interval}_{currency}",
        "currency": currency,
        "nickname": plan.title(),
        "product": f"prod_{plan}",
        "recurring": {
            "interval": interval,
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def _plan(plan: str, interval: str, currency: str) -> Json:
    """The older twin of a price, still on every subscription item."""
    amount = price_of(plan, interval, currency)
    return {
        "id": f"price_{plan}_{interval}_{currency}",
        "object": "plan",
        "active": True,
        "amount": amount,
        "amount_decimal": str(amount),
        "billing_scheme": "per_unit",
        "created": _PRICE["created"],
        "currency": currency,
        "interval": interval,
        "interval_count": 1,
        "livemode": False,
        "metadata": {},
        "meter": None,
        "nickname": plan.title(),
        "product": f"prod_{plan}",
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def listed(data: list[Json], url: str) -> Json:
    """Stripe's form of a list inside an object."""
    return {"object": "list", "data": data, "has_more": False, "total_count": len(data), "url": url}
