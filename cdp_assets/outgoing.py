"""A sync and its tool, brought together for one attempt: by a schedule, or by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cdp_assets import mapping, sending
from cdp_assets.adopting import Look
from cdp_assets.place import Place
from cdp_assets.sending import Target, Workshop
from destinations.api import Api
from destinations.destination import Destination, Object
from destinations.errors import MappingUnfit, QuotaTooSmall, variable
from warehouse import plan
from warehouse.database import Database
from warehouse.ledger import Report
from warehouse.plan import Draft, Plan
from warehouse.sync import Sync

if TYPE_CHECKING:
    from warehouse.model import Model

Check = Callable[[Database, Sync, Draft], None]


@dataclass(frozen=True)
class Outgoing:
    """A sync, where it goes, and what is needed to get there."""

    sync: Sync
    destination: Destination
    thing: Object
    name: str
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
            name=self.name,
            may_repeat=self.sync.mode != "append" or self.sync.is_deduplicated,
        )

    def run(self, run_id: str, check: Check = plan.guard) -> Report:
        """One attempt; see `sending.run`."""
        api = self.open(run_id)
        target = replace(
            aim(self.thing, api), check=check, prepare=lambda draft: self.prepare(api, draft)
        )
        return sending.run(self.sync, target, self.workshop, run_id, lambda: datetime.now(UTC))

    def prepare(self, api: Api, draft: Draft) -> None:
        """Ask the tool, as far as it tells, whether it has these fields and takes so many calls."""
        name, thing = self.destination.name, self.thing
        if thing.specify:
            wrong = mapping.mistakes(self.sync, draft.columns, thing.specify(api))
            if wrong:
                raise MappingUnfit(name, thing.name, self.sync.name, wrong)
        if self.destination.ask_quota:
            left, needed = self.destination.ask_quota(api), self.calls(draft.plan)
            if needed > left:
                raise QuotaTooSmall(name, needed, left)

    def calls(self, made: Plan) -> int:
        """At least so many calls will it take: a tool that refuses a batch makes them more."""
        api, sent = self.open("plan"), made.to_send - made.deleted
        return self.thing.calls(api, sent, "send") + self.thing.calls(api, made.deleted, "delete")

    def minutes(self, made: Plan) -> float:
        """At the tool's own limit."""
        rate = self.destination.rate
        return self.calls(made) / rate.calls * rate.per_s / 60


def outgoing(
    model: "Model", destination: Destination, environ: Mapping[str, str], place: Place
) -> Outgoing:
    from warehouse import sync_header  # with it comes sqlglot, which nothing else here needs

    name = model.settings["to"].partition(".")[2]
    thing = destination.thing(name)
    assert thing, f"the catalog let {model.settings['to']} pass"
    on_merge = "merge" if thing.unite else "delete" if thing.remove else None
    sync = replace(
        sync_header.read(model), on_merge=on_merge, is_deduplicated=thing.is_deduplicated
    )
    return Outgoing(sync, destination, thing, name, environ, place)


def aim(thing: Object, api: Api) -> Target:
    """An object of a tool as the engine sends to it."""
    close, read = thing.close, thing.read_back
    return Target(
        lambda rows: thing.send_worded(api, rows),
        thing.batch_size,
        write=thing.write,
        delete=(lambda rows: thing.delete_batch(api, rows)) if thing.remove else None,
        merge=(lambda merges: thing.merge_batch(api, merges)) if thing.unite else None,
        finish=(lambda: close(api)) if close else None,
        is_partial=thing.is_partial,
        look=Look(lambda keys: read(api, keys), lambda: api.lost) if read else None,
    )


def _arguments(destination: Destination, environ: Mapping[str, str]) -> dict[str, str]:
    """All that is set in its name: what it does not know, it says."""
    prefix = variable(destination.name, "")
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }
