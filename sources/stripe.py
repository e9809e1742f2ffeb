"""Stripe: customers, subscriptions, invoices and charges. https://docs.stripe.com/api

Stripe's objects carry no time of their last change. So a stream is listed once, and from then on
kept up by its events (https://docs.stripe.com/api/events), each of which holds the whole object.
Stripe keeps events for 30 days: when the event we stopped at is gone, something may have been
missed, and the stream is listed again. Stripe's own times mark the place; no clock of ours does.
"""

from collections.abc import Iterator
from typing import Any

import dlt
from dlt.sources import DltResource
from requests.auth import HTTPBasicAuth

from sources._web import Api

STREAMS = ("customers", "subscriptions", "invoices", "charges")

VERSION = "2025-09-30.clover"
PAGE = 100
# Events may come to light a little later than they say; reading some twice does no harm.
OVERLAP_S = 300

# All events whose object is the stream's own; `invoice.upcoming` has no id. At most 20 a stream.
EVENTS = {
    "customers": "customer.created customer.updated customer.deleted",
    "subscriptions": """
        customer.subscription.created customer.subscription.updated customer.subscription.deleted
        customer.subscription.paused customer.subscription.resumed
        customer.subscription.pending_update_applied customer.subscription.pending_update_expired
        customer.subscription.trial_will_end
    """,
    "invoices": """
        invoice.created invoice.updated invoice.deleted invoice.finalized invoice.paid
        invoice.finalization_failed invoice.payment_succeeded invoice.payment_failed
        invoice.payment_action_required invoice.marked_uncollectible invoice.voided
        invoice.overdue invoice.overpaid invoice.sent invoice.will_be_due
    """,
    "charges": """
        charge.succeeded charge.failed charge.pending charge.captured charge.expired
        charge.refunded charge.updated
    """,
}
# A deleted subscription is one that ended: its status says so and it stays on the list.
DELETIONS = ("customer.deleted", "invoice.deleted")

# What staging reads; dlt finds the other columns in what comes.
COLUMNS = {
    "customers": "email:text phone:text name:text currency:text metadata:json",
    "subscriptions": """
        customer:text status:text currency:text items:json plan:json quantity:bigint
        start_date:bigint current_period_end:bigint canceled_at:bigint cancel_at_period_end:bool
    """,
    "invoices": """
        customer:text subscription:text parent:json status:text amount_due:bigint
        amount_paid:bigint currency:text status_transitions:json
    """,
    "charges": """
        customer:text invoice:text status:text amount:bigint amount_refunded:bigint currency:text
        paid:bool billing_details:json receipt_email:text
    """,
}
OURS = "id:text created:bigint deleted:bool deleted_at:bigint"


@dlt.source(name="stripe", max_table_nesting=0)
def source(
    api_key: str = dlt.secrets.value, base_url: str = "https://api.stripe.com/v1/"
) -> Iterator[DltResource]:
    api = Api(
        "Stripe",
        base_url,
        auth=HTTPBasicAuth(api_key, ""),
        headers={"Stripe-Version": VERSION},
        secrets=(api_key,),
    )
    for stream in STREAMS:
        yield dlt.resource(
            _read(api, stream),
            name=stream,
            primary_key="id",
            write_disposition="merge",
            columns=_columns(stream),
        )


def _columns(stream: str) -> Any:
    types = dict(column.split(":") for column in f"{COLUMNS[stream]} {OURS}".split())
    columns: dict[str, Any] = {name: {"data_type": kind} for name, kind in types.items()}
    # Of two rows of one object in a load the one from the list stays: it was read later.
    return columns | {"listing": {"data_type": "bigint", "dedup_sort": "desc"}}


def _read(api: Api, stream: str) -> Iterator[Any]:
    """Rows of what changed; of everything, if the events do not reach back to where we stopped.

    `listing` counts the times the stream was listed: a row left at a lower number than the others
    was not on the latest list, so its object is gone.
    """
    yield dlt.mark.materialize_table_schema()
    state = dlt.current.resource_state()
    stopped_at, listing = state.get("event"), state.get("listing", 0)
    newest: Any = stopped_at
    known = set(state.get("read", []))
    reached, seen, recent = False, set[str](), list[str]()
    # Events before the list: what changes while the list is read comes again in the next run.
    for events in _events(api, stream, stopped_at):
        if not seen:
            newest = {"id": events[0]["id"], "created": events[0]["created"]}
        first = [event for event in events if _is_first(event, seen)]
        if stopped_at:
            yield [_from_event(event, listing) for event in first if event["id"] not in known]
        reached = reached or any(stopped_at and event["id"] == stopped_at["id"] for event in events)
        recent += [
            each["id"] for each in events if each["created"] >= newest["created"] - OVERLAP_S
        ]
    if not reached:
        listing += 1
        params = {"status": "all"} if stream == "subscriptions" else {}
        for objects in _pages(api, stream, params):
            yield [_row(item, listing) for item in objects]
    state.update(event=newest, listing=listing, read=recent)


def _events(
    api: Api, stream: str, stopped_at: dict[str, Any] | None
) -> Iterator[list[dict[str, Any]]]:
    """Pages of the stream's events, newest first, back to a little before we stopped.

    With no such place, a little before the newest: enough to know what was read in this run.
    """
    params = {"types[]": EVENTS[stream].split()}
    newest = [stopped_at] if stopped_at else api.get("events", params | {"limit": 1})["data"]
    if newest:
        since = {"created[gte]": newest[0]["created"] - OVERLAP_S}
        yield from _pages(api, "events", params | since)


def _pages(api: Api, path: str, params: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """https://docs.stripe.com/api/pagination"""
    more, after = True, dict[str, str]()
    while more:
        page = api.get(path, params | after | {"limit": PAGE})
        more = page["has_more"]
        if page["data"]:
            after = {"starting_after": page["data"][-1]["id"]}
            yield page["data"]


def _is_first(event: dict[str, Any], seen: set[str]) -> bool:
    """Whether this is an object's newest event; the ones after it on the list are older."""
    key = event["data"]["object"]["id"]
    if key in seen:
        return False
    seen.add(key)
    return True


def _from_event(event: dict[str, Any], listing: int) -> dict[str, Any]:
    deleted_at = event["created"] if event["type"] in DELETIONS else None
    return _row(event["data"]["object"], listing, deleted_at)


def _row(item: dict[str, Any], listing: int, deleted_at: int | None = None) -> dict[str, Any]:
    ours = {"deleted": deleted_at is not None, "deleted_at": deleted_at, "listing": listing}
    return item | ours
