"""What Salesforce checks before it takes a record, and how it words what it does not take.

https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
"""

import re
from datetime import UTC, date, datetime
from typing import Any

from sandbox.salesforce_fields import FIELDS, Field
from sandbox.stores import Json, SalesforceStore

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[A-Za-z]{2,}")
_NUMBERS = ("int", "double", "currency", "percent")
_TIMES = {"date": date, "datetime": datetime}
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")


class MalformedError(ValueError):
    """The whole request is refused: Salesforce could not read it as records."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def problem(code: str, message: str, *fields: str) -> Json:
    return {"statusCode": code, "message": message, "fields": list(fields)}


def read(sobject: str, record: Json) -> Json:
    """The record's fields with their values as Salesforce keeps them.

    {"Account": {"Account_Id__c": "a1"}} names the parent: it is read as "Account.Account_Id__c".
    """
    fields: Json = {}
    for name, value in record.items():
        if isinstance(value, dict) and name != "attributes":
            fields |= {f"{name}.{inner}": value[inner] for inner in value if inner != "attributes"}
        elif name != "attributes":
            fields[name] = value
    known = {name: FIELDS[sobject].get(name) or related(sobject, name) for name in fields}
    for name, field in known.items():
        if not field:
            told = f"No such column '{name}' on sobject of type {sobject}"
            raise MalformedError("INVALID_FIELD", told)
    return {name: kept(field, fields[name]) for name, field in known.items() if field}


def related(sobject: str, path: str) -> Field | None:
    """The parent's external id that a path like Account.Account_Id__c leads to."""
    relation, _, name = path.partition(".")
    for reference in FIELDS[sobject].values():
        if name and reference.relationship == relation:
            field = FIELDS[reference.refers_to].get(name)
            return field if field and field.external_id else None
    return None


def kept(field: Field, value: Any) -> Any:
    """JSON of the wrong kind for a field fails the request, not the row."""
    if value is None:
        return None
    kind = _kind(value)
    read_as: Any = None
    if field.type in _NUMBERS:
        read_as = _number(value)
    elif field.type == "boolean":
        read_as = value if isinstance(value, bool) else None
    elif field.type in _TIMES:
        read_as = _time(field.type, value) if kind == "STRING" else None
    elif kind == "STRING":
        return value.strip() or None  # an empty text is null
    if read_as is None:
        told = f"Cannot deserialize instance of {field.type} from VALUE_{kind} value {value}"
        raise MalformedError("JSON_PARSER_ERROR", f"{told} or request may be missing a field")
    return read_as


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    names = {str: "STRING", int: "NUMBER_INT", float: "NUMBER_FLOAT", list: "ARRAY"}
    return names.get(type(value), "OBJECT")


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _time(kind: str, text: str) -> str | None:
    if kind == "datetime" and not _DATETIME.fullmatch(text):
        return None
    try:
        read_as = _TIMES[kind].fromisoformat(text)
    except ValueError:
        return None
    if isinstance(read_as, datetime):
        # Kept in UTC and shown to the millisecond, whatever zone it came in.
        moved = datetime.fromtimestamp(read_as.timestamp(), tz=UTC)
        return moved.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moved.microsecond // 1000:03d}+0000"
    return read_as.isoformat()


def problems(store: SalesforceStore, sobject: str, fields: Json, new: bool) -> list[Json]:
    """Everything that keeps this row out; empty when it may be saved."""
    known = FIELDS[sobject]
    locked = [name for name in fields if known[name].readonly]
    if locked:
        told = f"Unable to create/update fields: {', '.join(locked)}. Please check the security "
        told += "settings of this field and verify that it is read/write for your profile or "
        told += "permission set."
        return [problem("INVALID_FIELD_FOR_INSERT_UPDATE", told, *locked)]
    missing = [
        field.name
        for field in known.values()
        if field.required and fields.get(field.name, None if new else "") is None
    ]
    found = [_wrong(store, known[name], value) for name, value in fields.items()]
    told = f"Required fields are missing: [{', '.join(missing)}]"
    lacking = [problem("REQUIRED_FIELD_MISSING", told, *missing)] if missing else []
    return lacking + [one for one in found if one]


def _wrong(store: SalesforceStore, field: Field, value: Any) -> Json | None:
    label = _label(field.name)
    if value is None:
        told = f"{label}: value not of required type: null"
        wrong = field.type == "boolean"
        return problem("INVALID_TYPE_ON_FIELD_IN_RECORD", told, field.name) if wrong else None
    number = field.type in _NUMBERS
    checks = (
        (
            number and abs(value) >= 10**field.length,
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{label}: value outside of valid range on numeric field: {value}",
        ),
        (
            field.picklist and value not in field.picklist,
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{label}: bad value for restricted picklist field: {value}",
        ),
        (
            field.refers_to and value not in store.records[field.refers_to],
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        (
            isinstance(value, str) and field.length and len(value) > field.length,
            "STRING_TOO_LONG",
            f"{label}: data value too large: {value} (max length={field.length})",
        ),
        (
            field.type == "email" and not _EMAIL.fullmatch(value),
            "INVALID_EMAIL_ADDRESS",
            f"{label}: invalid email address: {value}",
        ),
    )
    return next((problem(code, told, field.name) for bad, code, told in checks if bad), None)


def _label(name: str) -> str:
    """LastName is Last Name on the screen, Lifetime_Value__c is Lifetime Value."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
