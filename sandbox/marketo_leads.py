"""Marketo's leads: their fields, which values each takes, and which lead a record means.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

Json = dict[str, Any]

# name, type, then marks: = read only, ? can be looked up by, a number: the longest text
_TABLE = """
    id integer = ?
    email email ? 255
    firstName string 255
    lastName string 255
    company string 255
    title string 255
    phone phone 255
    city string 255
    country string 255
    leadScore score
    unsubscribed boolean
    createdAt datetime =
    updatedAt datetime =
    profileId string ? 255
    plan string 255
    lifetimeValue currency
    orderCount integer
    isCustomer boolean
    lastSeenAt datetime
    signedUpOn date
    notes text 2000
"""


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    length: int | None
    is_readonly: bool
    is_key: bool


def _field(line: str) -> Field:
    name, kind, *marks = line.split()
    length = next((int(mark) for mark in marks if mark.isdecimal()), None)
    return Field(name, kind, length, "=" in marks, "?" in marks)


FIELDS = {one.name: one for one in map(_field, _TABLE.strip().splitlines())}


class Wrong(Exception):
    """A record is not taken, for Marketo's reason."""

    def __init__(self, code: str, message: str) -> None:
        self.reason = {"code": code, "message": message}
        super().__init__(f"{code} {message}")


class MarketoStore:
    """Leads by id; static lists by id, with the ids of their members."""

    def __init__(self) -> None:
        self.leads: dict[str, Json] = {}
        self.lists: dict[str, list[int]] = {"1001": [], "1002": []}
        self.id_count = 0
        # By field and value, whatever its capitals, the leads that have it.
        self._named: dict[tuple[str, str], dict[int, None]] = {}

    def find(self, field: str, value: Any) -> list[Json]:
        return [self.leads[str(one)] for one in self._named.get(_name(field, value), {})]

    def new_id(self) -> int:
        self.id_count += 1
        return 309_900 + self.id_count

    def save(self, lead: Json) -> None:
        self.delete(lead["id"])
        for field in FIELDS.values():
            if field.is_key and lead.get(field.name) is not None:
                self._named.setdefault(_name(field.name, lead[field.name]), {})[lead["id"]] = None
        self.leads[str(lead["id"])] = lead

    def delete(self, lead_id: int) -> None:
        gone = self.leads.pop(str(lead_id), {})
        for field in FIELDS.values():
            if field.is_key and gone.get(field.name) is not None:
                del self._named[_name(field.name, gone[field.name])][lead_id]

    def held(self, kind: str) -> list[Json]:
        if kind == "list_members":
            return [
                {**self.leads[str(one)], "listId": list_id}
                for list_id, members in self.lists.items()
                for one in members
                if str(one) in self.leads
            ]
        return list({"leads": self.leads}[kind].values())

    def dump(self) -> Json:
        return {"leads": self.leads, "lists": self.lists, "id_count": self.id_count}

    def load(self, held: Json) -> None:
        self.lists, self.id_count = held["lists"], held["id_count"]
        for lead in held["leads"].values():
            self.save(lead)


def _name(field: str, value: Any) -> tuple[str, str]:
    return field, str(value).strip().lower()


def sync(store: MarketoStore, action: str, lookup: str, given: Json, now: str) -> Json:
    """One record of a sync of leads; raises Wrong where Marketo skips it."""
    wanted = given.get(lookup)
    if wanted in (None, ""):
        raise Wrong("1003", f"Value for required field '{lookup}' not specified")
    found = store.find(lookup, wanted)
    if len(found) > 1:
        raise Wrong("1007", "Multiple lead match lookup criteria")
    if found and action == "createOnly":
        raise Wrong("1005", "Lead already exists")
    if not found and (action == "updateOnly" or lookup == "id"):
        raise Wrong("1004", "Lead not found")
    values = {name: _kept(name, value) for name, value in given.items() if name != lookup}
    if not found:
        lead = dict.fromkeys(FIELDS) | {"id": store.new_id(), "createdAt": now}
        store.save({**lead, lookup: _kept(lookup, wanted), **values, "updatedAt": now})
        return {"id": lead["id"], "status": "created"}
    store.save({**found[0], **values, "updatedAt": now})
    return {"id": found[0]["id"], "status": "updated"}


def _kept(name: str, value: Any) -> Any:
    field = FIELDS.get(name)
    if not field:
        raise Wrong("1006", f"Field '{name}' not found")
    if field.is_readonly:
        raise Wrong("1006", f"Field '{name}' is not updateable")
    if value is None or value == "":
        return None
    try:
        return _KEPT.get(field.type, _text)(field, value)
    except (ValueError, TypeError) as error:
        raise Wrong("1001", f"Invalid value '{value}'. Required of type '{field.type}'") from error


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str) or (field.length and len(value) > field.length):
        raise ValueError(value)
    return value


def _email(field: Field, value: Any) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", str(value)):
        raise ValueError(value)
    return _text(field, value)


def _number(_: Field, value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _whole(_: Field, value: Any) -> int:
    if isinstance(value, bool) or float(value) != int(value):
        raise ValueError(value)
    return int(value)


def _boolean(_: Field, value: Any) -> bool:
    return {"true": True, "false": False}[str(value).lower()]


def _date(_: Field, value: Any) -> str:
    return date.fromisoformat(value).isoformat()


def _datetime(_: Field, value: Any) -> str:
    if "." in value:
        raise ValueError(value)
    at = datetime.fromisoformat(value)
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_KEPT = {
    "email": _email,
    "currency": _number,
    "integer": _whole,
    "score": _whole,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}
