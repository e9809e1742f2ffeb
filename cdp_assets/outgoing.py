"""A sync and its tool, brought together for one attempt: by a schedule, or by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cdp_assets import sending
from cdp_assets.place import Place
from cdp_assets.sending import Target, Workshop
from destinations.api import Api
from destinations.destination import Destination, Object
from destinations.errors import variable
from warehouse import sync_header
from warehouse.ledger import Report
from warehouse.model import Model
from warehouse.sync import Sync


@dataclass(frozen=True)
class Outgoing:
    """A sync, where it goes, and what is needed to get there."""

    sync: Sync
    destination: Destination
    thing: Object
    environ: Mapping[str, str]
    place: Place

    @property
    def workshop(self) -> Workshop:
        return Workshop(self.place.connect, self.place.state / "plans")

    def open(self, run_id: str) -> Api:
        """The way to the tool. Raises MissingSecret or UnknownParameter."""
        return self.destination.open(
            _arguments(self.destination, self.environ),
            self.sync.key,
            mode=self.sync.mode,
            run_id=run_id,
            may_repeat=self.sync.mode != "append" or self.sync.is_deduplicated,
        )

    def run(self, run_id: str) -> Report:
        """One attempt; see `sending.run`."""
        target = aim(self.thing, self.open(run_id))
        return sending.run(self.sync, target, self.workshop, run_id, lambda: datetime.now(UTC))


def outgoing(
    model: Model, destination: Destination, environ: Mapping[str, str], place: Place
) -> Outgoing:
    thing = destination.objects[model.settings["to"].split(".")[1]]
    sync = sync_header.read(model, thing.is_deduplicated)
    return Outgoing(sync, destination, thing, environ, place)


def aim(thing: Object, api: Api) -> Target:
    """An object of a tool as the engine sends to it."""
    close = thing.close
    return Target(
        lambda rows: thing.send_batch(api, rows),
        thing.batch_size,
        delete=(lambda rows: thing.delete_batch(api, rows)) if thing.remove else None,
        finish=(lambda: close(api)) if close else None,
        is_partial=thing.is_partial,
    )


def _arguments(destination: Destination, environ: Mapping[str, str]) -> dict[str, str]:
    """All that is set in its name: what it does not know, it says."""
    prefix = variable(destination.name, "")
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }
