"""Does the tool hold what the ledger says it accepted? A sample, read back and compared."""

from dataclasses import dataclass
from typing import Any

from cdp_assets import likeness
from cdp_assets.outgoing import Outgoing
from destinations.rows import Row
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
    return [Difference(key, *said) for said in likeness.differing(ours, theirs)]
