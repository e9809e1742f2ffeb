"""Does the tool hold what the ledger says it accepted? A sample, read back and compared."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from cdp_assets.outgoing import Outgoing
from destinations.rows import Row, moment
from warehouse.database import Database
from warehouse.quoting import quoted
from warehouse.sync import Sync


class CannotRead(Exception):
    """A sync is to be verified whose object has no function that reads records back."""

    def __init__(self, destination: str, object_name: str):
        super().__init__(
            f"{destination}.{object_name} cannot be read back. Add a function under "
            f"`@{object_name}.read` to destinations/{destination}.py."
        )


@dataclass(frozen=True)
class Difference:
    """A field that the tool shows otherwise than the ledger; no field: the record is not there."""

    key: str
    field: str | None
    ours: Any
    theirs: Any


def verify(outgoing: Outgoing, sample: int) -> tuple[int, list[Difference]]:
    """How many records were read back, and where they differ."""
    thing = outgoing.thing
    if thing.read_back is None:
        raise CannotRead(outgoing.destination.name, thing.name)
    with outgoing.place.connect() as db:
        ours = _accepted(db, outgoing.sync, sample)
    api, keys = outgoing.open("verify"), list(ours)
    differences = []
    for start in range(0, len(keys), thing.batch_size):
        asked = keys[start : start + thing.batch_size]
        theirs = {key.casefold(): row for key, row in thing.read_back(api, asked).items()}
        for key in asked:
            differences += _compare(key, ours[key], theirs.get(key.casefold()))
    return len(keys), differences


def _accepted(db: Database, sync: Sync, sample: int) -> dict[str, Row]:
    """Rows of the ledger by key, in the fields mapped today; those of unknown fate left out."""
    if not db.columns(sync.ledger):
        return {}
    held = {name.lower() for name in db.columns(sync.ledger)}
    mapped = [
        name for name in db.columns(sync.table) if name.lower() in held and sync.is_sent(name)
    ]
    names = ", ".join(map(quoted, mapped))
    rows = db.run(
        f"select _key, {names} from (from {sync.ledger} where _accepted_at is not null)"
        f" using sample {int(sample)} rows"
    )
    return {key: dict(zip(mapped, values, strict=True)) for key, *values in rows}


def _compare(key: str, ours: Row, theirs: Row | None) -> list[Difference]:
    if theirs is None:
        return [Difference(key, None, "in the ledger", "not in the tool")]
    shown = {name.casefold(): value for name, value in theirs.items()}
    return [
        Difference(key, name, value, shown[name.casefold()])
        for name, value in ours.items()
        if name.casefold() in shown and not same(value, shown[name.casefold()])
    ]


def same(ours: Any, theirs: Any) -> bool:
    """Tools show values in their own way: all as text, times as ISO or as milliseconds, and so on.

    Text is compared without case around it: tools turn e-mail addresses to lower case.
    """
    if _is_empty(ours) or _is_empty(theirs):
        return _is_empty(ours) and _is_empty(theirs)
    match ours:
        case bool():
            return str(theirs).lower() in (("true", "1") if ours else ("false", "0"))
        case int() | float() | Decimal():
            return _number(theirs) == _number(ours)
        case date():
            return _moment(ours) in (_moment(theirs), *_epochs(theirs))
        case list():
            listed = theirs if isinstance(theirs, list) else str(theirs).split(";")
            return sorted(map(str, ours)) == sorted(map(str, listed))
        case _:
            return str(ours).strip().casefold() == str(theirs).strip().casefold()


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [])


def _number(value: Any) -> float | None:
    try:
        return float(Decimal(str(value)))
    except InvalidOperation:
        return None


def _moment(value: Any) -> datetime | None:
    """To the millisecond, which is as much as the tools keep."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", value))
        except ValueError:
            return None
    if not isinstance(value, date):
        return None
    at = moment(value)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _epochs(value: Any) -> list[datetime]:
    """A number as seconds and as milliseconds."""
    number = _number(value)
    if number is None or not 0 <= number < 1e13:
        return []
    return [
        datetime.fromtimestamp(number / unit, UTC) for unit in (1, 1000) if number / unit < 1e11
    ]
