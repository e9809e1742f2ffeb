"""How Salesforce words values and refusals, in JSON and in CSV."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from destinations.rows import Accepted, Kind, Rejected, iso

# This cell is null to the Bulk API; an empty one leaves the field alone.
NULL = "#N/A"

KINDS: dict[str, Kind] = {
    "INVALID_FIELD": "mapping",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "mapping",
    "INVALID_TYPE_ON_FIELD_IN_RECORD": "mapping",
    "INSUFFICIENT_ACCESS_OR_READONLY": "permission",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "permission",
    "STORAGE_LIMIT_EXCEEDED": "quota",
    "LIMIT_EXCEEDED": "quota",
}


def reason(code: str, message: str, fields: str) -> str:
    return f"{code}: {message}" + (f" ({fields})" if fields else "")


def refused(key: str, code: str, reason: str) -> Rejected | Accepted:
    """What was to be deleted and is gone is as good as deleted."""
    if code == "ENTITY_IS_DELETED":
        return Accepted(key)
    return Rejected(key, reason, code, KINDS.get(code, "row"))


def value_of(value: Any) -> Any:
    """A field's value in JSON; null clears, several choices have `;` between."""
    match value:
        case Decimal():
            return float(value)
        case date():
            return iso(value, "milliseconds")
        case list():
            return ";".join(map(str, value))
        case _:
            return value


def cell(value: Any) -> str:
    """A field's value in CSV. The empty text is no value to Salesforce, so that it clears too."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    match value_of(value):
        case None:
            return NULL
        case bool() as is_so:
            return str(is_so).lower()
        case str() as text:
            return text if text.strip() else NULL
        case number:
            return str(number)


def read_value(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "datetime":
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if kind == "date" else value
