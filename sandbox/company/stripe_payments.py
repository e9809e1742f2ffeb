"""Stripe's invoices and charges as API objects, in the same two generations at once.

https://docs.stripe.com/api/invoices/object
"""

from sandbox.company.state import Charge, Customer, Invoice, Json
from sandbox.company.stripe_objects import listed, price

_INVOICE: Json = {
    "object": "invoice",
    "account_country": "GB",
    "account_name": "Planwell Ltd",
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_shipping": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "status": None},
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_address": None,
    "customer_phone": None,
    "customer_shipping": None,
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discount": None,
    "discounts": [],
    "due_date": None,
    "footer": None,
    "from_invoice": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "paid_out_of_band": False,
    "payment_intent": None,
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "quote": None,
    "receipt_number": None,
    "rendering": None,
    "rendering_options": None,
    "shipping_cost": None,
    "shipping_details": None,
    "starting_balance": 0,
    "statement_descriptor": None,
    "tax": None,
    "test_clock": None,
    "total_discount_amounts": [],
    "total_tax_amounts": [],
    "total_taxes": [],
    "transfer_data": None,
}
_CHARGE: Json = {
    "object": "charge",
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "calculated_statement_descriptor": "PLANWELL",
    "disputed": False,
    "failure_balance_transaction": None,
    "fraud_details": {},
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "payment_intent": None,
    "receipt_email": None,
    "receipt_number": None,
    "review": None,
    "shipping": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}


_NO_ADDRESS: Json = dict.fromkeys(("city", "line1", "line2", "postal_code", "state"))
_CARD: Json = {
    "amount_authorized": None,
    "authorization_code": None,
    "brand": "visa",
    "checks": {
        "address_line1_check": None,
        "address_postal_code_check": None,
        "cvc_check": "pass",
    },
    "exp_month": 8,
    "exp_year": 2030,
    "extended_authorization": {"status": "disabled"},
    "fingerprint": "AOB934RVNwzk6xtn",
    "funding": "credit",
    "incremental_authorization": {"status": "unavailable"},
    "installments": None,
    "last4": "4242",
    "mandate": None,
    "multicapture": {"status": "unavailable"},
    "network": "visa",
    "network_token": {"used": False},
    "overcapture": {"maximum_amount_capturable": 0, "status": "unavailable"},
    "regulated_status": "unregulated",
    "three_d_secure": None,
    "wallet": None,
}


def invoice(held: Invoice, buyer: Customer) -> Json:
    is_paid = held.status == "paid"
    url = f"https://invoice.stripe.com/i/{held.id}"
    sums = ("amount_due", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
    return (
        _INVOICE
        | dict.fromkeys(sums, held.amount)
        | {
            "id": held.id,
            "amount_paid": held.amount if is_paid else 0,
            "amount_remaining": 0 if is_paid else held.amount,
            "attempt_count": held.attempts,
            "attempted": held.attempts > 0,
            "auto_advance": held.status == "open",
            "billing_reason": held.reason,
            "charge": held.charge or None,
            "created": held.created,
            "currency": held.currency,
            "customer": held.customer,
            "customer_email": buyer.email,
            "customer_name": buyer.name,
            "effective_at": held.created,
            "ending_balance": 0,
            "hosted_invoice_url": url,
            "invoice_pdf": f"{url}/pdf",
            "lines": listed([_line(held)], f"/v1/invoices/{held.id}/lines"),
            "next_payment_attempt": None,
            "number": held.number,
            "paid": is_paid,
            "parent": {
                "quote_details": None,
                "subscription_details": {"metadata": {}, "subscription": held.subscription},
                "type": "subscription_details",
            },
            "period_end": held.created,
            "period_start": held.created,
            "status": held.status,
            "status_transitions": {
                "finalized_at": held.created,
                "marked_uncollectible_at": None,
                "paid_at": held.paid_at or None,
                "voided_at": None,
            },
            "subscription": held.subscription,
            "webhooks_delivered_at": held.created,
        }
    )


def _line(held: Invoice) -> Json:
    item_id = f"si_{held.subscription[4:]}"
    priced = price(held.plan, held.interval, held.currency)
    return {
        "id": f"il_{held.id[3:]}",
        "object": "line_item",
        "amount": held.amount,
        "amount_excluding_tax": held.amount,
        "currency": held.currency,
        "description": f"1 x {held.plan.title()} (by the {held.interval})",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": held.id,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": held.subscription,
                "subscription_item": item_id,
            },
            "type": "subscription_item_details",
        },
        "period": {"end": held.period_end, "start": held.period_start},
        "price": priced,
        "pricing": {
            "price_details": {"price": priced["id"], "product": priced["product"]},
            "type": "price_details",
            "unit_amount_decimal": priced["unit_amount_decimal"],
        },
        "proration": False,
        "proration_details": {"credited_items": None},
        "quantity": 1,
        "subscription": held.subscription,
        "subscription_item": item_id,
        "tax_amounts": [],
        "tax_rates": [],
        "taxes": [],
        "type": "subscription",
        "unit_amount_excluding_tax": priced["unit_amount_decimal"],
    }


def charge(held: Charge, buyer: Customer) -> Json:
    is_paid = held.status == "succeeded"
    refused = None if is_paid else "Your card has insufficient funds."
    return _CHARGE | {
        "id": held.id,
        "amount": held.amount,
        "amount_captured": held.amount if is_paid else 0,
        "amount_refunded": held.refunded,
        "balance_transaction": f"txn_{held.id[3:]}" if is_paid else None,
        "billing_details": {
            "address": {"country": buyer.country} | _NO_ADDRESS,
            "email": buyer.email,
            "name": buyer.name,
            "phone": None,
            "tax_id": None,
        },
        "captured": is_paid,
        "created": held.created,
        "currency": held.currency,
        "customer": held.customer,
        "description": "Subscription payment",
        "failure_code": None if is_paid else "card_declined",
        "failure_message": refused,
        "invoice": held.invoice,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None if is_paid else "51",
            "network_status": "approved_by_network" if is_paid else "declined_by_network",
            "reason": None if is_paid else "insufficient_funds",
            "risk_level": "normal",
            "seller_message": "Payment complete." if is_paid else "The bank declined it.",
            "type": "authorized" if is_paid else "issuer_declined",
        },
        "paid": is_paid,
        "payment_method": f"pm_{held.customer[4:]}",
        "payment_method_details": {"card": _CARD | {"country": buyer.country}, "type": "card"},
        "receipt_url": f"https://pay.stripe.com/receipts/{held.id}" if is_paid else None,
        "refunded": 0 < held.refunded == held.amount,
        "refunds": listed([], f"/v1/charges/{held.id}/refunds"),
        "status": held.status,
    }
