"""A record that was perhaps created, and is refused as there already when it is created again.

Where an answer was lost, or the process died before it was written down, the tool is asked: what it
shows as we said it is ours, under the tool's own id. What it shows otherwise was there before, and
stays refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdp_assets import likeness
from destinations.errors import DestinationError
from destinations.rows import RECORD_ID, Outcome, Row
from warehouse import owed
from warehouse.database import Database
from warehouse.sync import RESERVED, Sync

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Look:
    """How to read records back by key, and how many answers have been lost so far."""

    read: Callable[[list[str]], dict[str, Row]]
    lost: Callable[[], int]


@dataclass(frozen=True)
class Adoption:
    """Of one run: what it can look with, and the keys of what was perhaps created before."""

    sync: Sync
    look: Look | None
    doubted: set[str] = field(default_factory=set)

    def recall(self, db: Database) -> None:
        if self.look and self.sync.mode == "create":
            self.doubted.update(owed.perhaps_created(db, self.sync))

    def deliver(
        self, batch: "pa.Table", names: Mapping[str, str], send: Callable[[], Outcome]
    ) -> Outcome:
        """What the tool says of a batch, and of what it refuses and may be ours, what it holds."""
        if self.look is None or self.sync.mode != "create":
            return send()
        lost = self.look.lost()
        outcome = send()
        is_lost = self.look.lost() > lost
        asked = [key for key in outcome.rejected if is_lost or names.get(key) in self.doubted]
        if asked:
            ours = _ours(self.sync, batch, {key: names[key] for key in asked})
            _adopt(self.look, outcome, ours)
        return outcome


def _adopt(look: Look, outcome: Outcome, ours: dict[str, Row]) -> None:
    refused = {key: (outcome.rejected.pop(key), outcome.marks.pop(key, None)) for key in ours}
    try:
        theirs = {key.casefold(): row for key, row in look.read(list(ours)).items()}
    except DestinationError as error:
        # Of these rows nothing is known yet: the next run looks again.
        error.settled, error.is_unsure = outcome, True
        raise
    for key, (reason, mark) in refused.items():
        found = theirs.get(key.casefold())
        if found is not None and not any(likeness.differing(ours[key], found)):
            record_id = found.get(RECORD_ID)
            outcome.accepted[key] = None if record_id is None else str(record_id)
            continue
        outcome.rejected[key] = reason
        if mark:
            outcome.marks[key] = mark


def _ours(sync: Sync, batch: "pa.Table", names: dict[str, str]) -> dict[str, Row]:
    """Rows by the connector's key, as they were mapped, not yet in the tool's words."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = batch.filter(pc.is_in(batch["_key"], pa.array(names.values(), pa.string())))
    sent = [name for name in rows.column_names if name not in RESERVED and sync.is_sent(name)]
    by_name = dict(zip(rows["_key"].to_pylist(), rows.select(sent).to_pylist(), strict=True))
    return {key: by_name[name] for key, name in names.items()}
