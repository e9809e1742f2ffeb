"""GAQL over the sandbox's campaigns: attributes, and metrics summed over what is not selected.

https://developers.google.com/google-ads/api/docs/query/overview
"""

import operator
from collections.abc import Callable
from typing import Any

from sandbox.select import Condition, Select, UnexpectedTokenError, parse
from sandbox.stores import GoogleAdsStore, Json

# Field, its name in the REST answer, and whether it is a whole number (int64 travels as text).
_FIELDS: dict[str, tuple[str, bool]] = {
    "campaign.id": ("campaign.id", True),
    "campaign.resource_name": ("campaign.resourceName", False),
    "campaign.name": ("campaign.name", False),
    "campaign.status": ("campaign.status", False),
    "customer.id": ("customer.id", True),
    "customer.resource_name": ("customer.resourceName", False),
    "customer.currency_code": ("customer.currencyCode", False),
    "customer.time_zone": ("customer.timeZone", False),
    "customer.descriptive_name": ("customer.descriptiveName", False),
    "segments.date": ("segments.date", False),
    "metrics.cost_micros": ("metrics.costMicros", True),
    "metrics.clicks": ("metrics.clicks", True),
    "metrics.impressions": ("metrics.impressions", True),
    "metrics.conversions": ("metrics.conversions", False),
}
_METRICS = ("cost_micros", "clicks", "impressions", "conversions")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class QueryError(ValueError):
    """A query Google refuses, with its QueryError code."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def run(store: GoogleAdsStore, query: str, customer_id: str) -> tuple[str, list[Json]]:
    """The field mask and the rows, each shaped as the REST API shapes it."""
    select = _checked(query)
    rows = _rows(store, customer_id, select)
    for order in reversed(select.orders):
        rows.sort(key=lambda row: row[order.field], reverse=order.descending)
    mask = ",".join(_FIELDS[name][0] for name in select.fields)
    return mask, [_shown(row, select.fields) for row in rows[: select.limit]]


def _checked(query: str) -> Select:
    try:
        select = parse(query)
    except UnexpectedTokenError as error:
        told = f"Error in query: unexpected input {error.token}."
        raise QueryError("UNEXPECTED_INPUT", told) from error
    if select.table not in ("campaign", "customer"):
        told = f"Unrecognized resource in the FROM clause: '{select.table}'."
        raise QueryError("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", told)
    used = [*select.fields, *(one.field for one in select.conditions)]
    for name in [*used, *(order.field for order in select.orders)]:
        if name not in _FIELDS:
            told = f"Unrecognized field in the query: '{name}'."
            raise QueryError("UNRECOGNIZED_FIELD", told)
    bounds = {one.operator for one in select.conditions if one.field == "segments.date"}
    bounded = bounds & {"=", "BETWEEN", "IN"} or (bounds & {">", ">="} and bounds & {"<", "<="})
    if "segments.date" in used and not bounded:
        # A range open at one end is refused, even though the account has a first day.
        told = "The query needs a filter on segments.date with a start and an end."
        raise QueryError("EXPECTED_FILTERS_ON_DATE_RANGE", told)
    return select


def _rows(store: GoogleAdsStore, customer_id: str, select: Select) -> list[Json]:
    """1. Days that fit. 2. Sums over what the SELECT does not tell apart. 3. Metrics that fit."""
    customer: Json = {
        "customer.id": customer_id,
        "customer.resource_name": f"customers/{customer_id}",
        "customer.currency_code": "USD",
        "customer.time_zone": "Etc/UTC",
        "customer.descriptive_name": "Sandbox",
    }
    by_metric = [one for one in select.conditions if one.field.startswith("metrics.")]
    by_day = [one for one in select.conditions if one not in by_metric]
    apart = [name for name in select.fields if not name.startswith("metrics.")]
    if select.table == "campaign":
        apart.append("campaign.id")
    sums: dict[tuple[Any, ...], Json] = {}
    for day in _days(store, customer_id, select):
        row = customer | day
        if not all(_holds(row, one) for one in by_day):
            continue
        total = sums.setdefault(
            tuple(row[name] for name in apart), row | {f"metrics.{one}": 0 for one in _METRICS}
        )
        for metric in _METRICS:
            total[f"metrics.{metric}"] += row[f"metrics.{metric}"]
    return [row for row in sums.values() if all(_holds(row, one) for one in by_metric)]


def _days(store: GoogleAdsStore, customer_id: str, select: Select) -> list[Json]:
    """Every campaign's days; without metrics or days in the query, every campaign once."""
    used = [*select.fields, *(one.field for one in select.conditions)]
    if any(name.startswith(("metrics.", "segments.")) for name in used):
        days = store.held("days")
    else:
        empty = dict.fromkeys(_METRICS, 0)
        days = [{"campaign_id": one, "date": "", **empty} for one in store.campaigns]
    return [
        {
            "campaign.id": int(day["campaign_id"]),
            "campaign.resource_name": f"customers/{customer_id}/campaigns/{day['campaign_id']}",
            "campaign.name": store.campaigns[day["campaign_id"]]["name"],
            "campaign.status": store.campaigns[day["campaign_id"]]["status"],
            "segments.date": day["date"],
            **{f"metrics.{metric}": day[metric] for metric in _METRICS},
        }
        for day in days
    ]


def _holds(row: Json, condition: Condition) -> bool:
    value = row[condition.field]
    wanted = [_like(value, one.text) for one in condition.values]
    if condition.operator == "BETWEEN":
        return bool(wanted[0] <= value <= wanted[1])
    if condition.operator in ("IN", "NOT IN"):
        return (value in wanted) == (condition.operator == "IN")
    return _COMPARE[condition.operator](value, wanted[0])


def _like(value: Any, text: str) -> Any:
    """The text as a number when the field is one."""
    if isinstance(value, str):
        return text
    try:
        return float(text)
    except ValueError as error:
        raise QueryError("BAD_NUMBER", f"Not a number: '{text}'.") from error


def _shown(row: Json, names: tuple[str, ...]) -> Json:
    """Resource names always come along; numbers of 64 bits come as text."""
    shown: Json = {}
    resources = [f"{name.split('.')[0]}.resource_name" for name in names]
    for name in [*names, *(one for one in resources if one in _FIELDS)]:
        path, whole = _FIELDS[name]
        group, key = path.split(".")
        shown.setdefault(group, {})[key] = str(row[name]) if whole else row[name]
    return shown
