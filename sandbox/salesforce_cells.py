"""A CSV cell of a bulk job as the value that Salesforce makes of it.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_csv_valid_record_rows.htm
"""

from typing import Any

from sandbox.salesforce_fields import FIELDS, Field
from sandbox.salesforce_rows import MalformedError, kept, problem, related
from sandbox.stores import Json

_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class UnknownColumnError(ValueError):
    """The header names what the object does not have: the whole job fails."""


def columns(sobject: str, header: list[str]) -> list[tuple[str, Field]]:
    """The header's names with their fields; Account.Account_Id__c is a field of the parent."""
    found = []
    for name in header:
        field = FIELDS[sobject].get(name) or related(sobject, name)
        if not field:
            raise UnknownColumnError(f"Field name not found : {name}")
        found.append((name, field))
    return found


def row_of(fields: list[tuple[str, Field]], cells: list[str]) -> tuple[Json, list[Json]]:
    """The row, and what is wrong with its cells: an empty one is ignored, #N/A is null."""
    row: Json = {}
    for (name, field), cell in zip(fields, cells, strict=True):
        if cell.strip():
            try:
                row[name] = _value(field, cell)
            except MalformedError:
                told = f"{field.name}: value not of required type: {cell}"
                return row, [problem("INVALID_TYPE_ON_FIELD_IN_RECORD", told, field.name)]
    return row, []


def _value(field: Field, cell: str) -> Any:
    if cell == "#N/A":
        return None
    return kept(field, _BOOLEANS.get(cell.lower()) if field.type == "boolean" else cell)
