"""Which events Stripe sends for a change of an object. https://docs.stripe.com/api/events/types"""

from typing import Any

_INVOICE_TURNED = {
    "open": "invoice.finalized",
    "paid": "invoice.paid",
    "void": "invoice.voided",
    "uncollectible": "invoice.marked_uncollectible",
}


def stripe_events(kind: str, old: dict[str, Any] | None, new: dict[str, Any]) -> list[str]:
    was, status = (old or {}).get("status"), new.get("status")
    change = "updated" if old else "created"
    if old == new:
        return []
    if kind == "customers":
        return [f"customer.{change}"]
    if kind == "subscriptions":
        ended = old and status == "canceled" != was
        return ["customer.subscription.deleted" if ended else f"customer.subscription.{change}"]
    if kind == "invoices":
        turned = _INVOICE_TURNED.get(str(status)) if status != was else None
        return ([] if old else ["invoice.created"]) + ([turned] if turned else []) or [
            "invoice.updated"
        ]
    if not old:
        return [f"charge.{status}"]
    refunded = new.get("amount_refunded", 0) > old.get("amount_refunded", 0)
    return ["charge.refunded" if refunded else "charge.updated"]
