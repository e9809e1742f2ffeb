"""What goes to a tool and what comes back: rows, and the tool's word on each of them, by key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import orjson

# Field -> str, int, float, bool, Decimal, date, datetime (UTC), list of str or None; the key
# field is among them.
Row = dict[str, Any]

# Under this name a row to be deleted carries the tool's own id of it, where the ledger knows it.
RECORD_ID = "record_id"

# How a tool wants its dates and times is for the connector to say.
AS_GIVEN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS

# What is to blame: the row, its field or type (unknown to the tool), a right, or a used-up quota.
Kind = Literal["row", "mapping", "permission", "quota"]


@dataclass(frozen=True)
class Rejected:
    """The tool does not take this row; the rest goes on. `code` is its own word, if it has one."""

    key: str
    reason: str
    code: str | None = None
    kind: Kind = "row"


@dataclass(frozen=True)
class Accepted:
    """The tool has this row, under its own id if it told one. Not saying it says the same."""

    key: str
    record_id: str | None = None


@dataclass(frozen=True)
class Taken:
    """As Accepted, of many rows at once: key -> the tool's own id, None where it told none."""

    record_ids: Mapping[str, str | None]


@dataclass(frozen=True)
class Merge:
    """Two records of the tool that are one: what has the first key goes into the second."""

    key: str
    record_id: str | None
    into_key: str
    into_record_id: str | None


@dataclass(frozen=True)
class FieldSpec:
    """A field as the tool describes it, its type in the tool's own word; None: it does not say."""

    type: str
    length: int | None = None
    choices: tuple[str, ...] | None = None
    is_required: bool = False
    is_writable: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of rows: accepted key -> the tool's id of it, rejected key -> reason.

    `marks` has the code and the kind of a rejected key, where they say more than the reason.
    """

    accepted: dict[str, str | None] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    marks: dict[str, tuple[str | None, Kind]] = field(default_factory=dict)

    def note(self, word: Rejected | Accepted | Taken) -> None:
        if isinstance(word, Taken):
            self.accepted.update(word.record_ids)
            return
        if isinstance(word, Accepted):
            self.accepted[word.key] = word.record_id
            return
        self.rejected[word.key] = word.reason
        if (mark := (word.code, word.kind)) != (None, "row"):
            self.marks[word.key] = mark

    def knows(self, key: str) -> bool:
        return key in self.accepted or key in self.rejected


def moment(value: date) -> datetime:
    """A date or time as a time in UTC: a date is its midnight, a time without zone is UTC."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def iso(value: date, timespec: str = "auto") -> str:
    """A date as it is, a time in UTC with a Z: ISO 8601, with fractions as `timespec` has them."""
    if not isinstance(value, datetime):
        return value.isoformat()
    return moment(value).isoformat(timespec=timespec).replace("+00:00", "Z")


def in_json(value: Any) -> Any:
    """A value as JSON has it where a tool asks for nothing else: times in ISO 8601, in UTC."""
    match value:
        case Decimal():
            return float(value)
        case date():
            return iso(value)
        case time():
            return value.isoformat()
        case list():
            return [in_json(one) for one in value]
        case dict():
            return {name: in_json(inner) for name, inner in value.items()}
        case _:
            return value


def on_wire(value: Any) -> bytes:
    """A value of what JSON knows, as it goes out; TypeError for any other."""
    return orjson.dumps(value, option=AS_GIVEN)


def size(item: Any) -> int:
    """The bytes a value takes as JSON on the wire, with the comma after it."""
    return len(on_wire(item)) + 1


def packs(items: dict[str, Any], max_bytes: int) -> Iterator[dict[str, Any]]:
    """Split JSON values, in order, into packs that each stay under `max_bytes` together."""
    pack: dict[str, Any] = {}
    filled = 0
    for key, item in items.items():
        bytes_more = size(item)
        if pack and filled + bytes_more > max_bytes:
            yield pack
            pack, filled = {}, 0
        pack[key] = item
        filled += bytes_more
    if pack:
        yield pack
