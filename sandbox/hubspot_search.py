"""HubSpot's search over contacts: filter groups, one sort, pages.

https://developers.hubspot.com/docs/api-reference/search/guide
"""

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.hubspot_properties import Property, kept
from sandbox.stores import Json

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq,
    "NEQ": operator.ne,
    "LT": operator.lt,
    "LTE": operator.le,
    "GT": operator.gt,
    "GTE": operator.ge,
}
_FURTHEST = 10_000  # rows of one search; beyond it HubSpot refuses to page


def search(contacts: list[Json], properties: dict[str, Property], body: Json) -> list[Json]:
    """Every contact that fits, in order; ValueError for a search HubSpot refuses."""
    limit, after = body.get("limit", 10), int(body.get("after") or 0)
    if not 1 <= limit <= 200 or after + limit > _FURTHEST:
        raise ValueError(f"limit is at most 200, and after + limit at most {_FURTHEST}")
    groups = body.get("filterGroups") or [{"filters": []}]
    found = [
        contact
        for contact in contacts
        if not contact["archived"] and any(_fits(contact, group, properties) for group in groups)
    ]
    for sort in body.get("sorts", []):
        descending, name = sort.startswith("-"), sort.removeprefix("-")
        keyed = [(contact["properties"].get(name) or "", contact) for contact in found]
        keyed.sort(key=operator.itemgetter(0), reverse=descending)
        found = [contact for _, contact in keyed]
    return found


def _fits(contact: Json, group: Json, properties: dict[str, Property]) -> bool:
    return all(_passes(contact, one, properties) for one in group["filters"])


def _passes(contact: Json, one: Json, properties: dict[str, Property]) -> bool:
    name, sign = one["propertyName"], one["operator"]
    if name not in properties:
        raise ValueError(f"there is no property {name}")
    definition = properties[name]
    held: str | None = contact["properties"].get(name)
    if sign in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return bool(held) is (sign == "HAS_PROPERTY")
    if sign in ("IN", "NOT_IN"):
        return bool((held in one["values"]) == (sign == "IN"))
    if sign not in _COMPARE:
        raise ValueError(f"the operator {sign} is not known here")
    wanted = _ordered(definition, one["value"])
    return bool(held and _COMPARE[sign](_ordered(definition, held), wanted))


def _ordered(definition: Property, value: Any) -> Any:
    """Dates and times may be asked for in milliseconds; they are held as ISO text."""
    if definition.type in ("date", "datetime"):
        return kept(replace(definition, readonly=False), value)
    return float(value) if definition.type == "number" else value
