"""A project as it stands on disk and in the environment: what there is, and what of it is on.

A source or destination is on when one of the variables it must have is set; what it still lacks is
said when it runs. A model is on when all data it reads, through other models, can come. With
nothing set at all everything is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdp_assets import place
from cdp_assets.place import ROOT, Place
from destinations import find as find_destinations
from destinations.destination import Destination
from destinations.errors import variable as destination_variable
from sources import Source
from sources import find as find_sources
from sources import variable as source_variable
from warehouse import catalog, identity, model
from warehouse.catalog import Catalog
from warehouse.events import plan
from warehouse.events.plan import Plan
from warehouse.identity import rules
from warehouse.identity.occurrences import Input
from warehouse.identity.rules import Rules
from warehouse.mistakes import Mistake, Mistakes


@dataclass(frozen=True)
class Project:
    """What is on, and where it lies."""

    environ: Mapping[str, str]
    place: Place
    rules: Rules
    sources: Sequence[Source]
    destinations: Mapping[str, Destination]
    catalog: Catalog
    inputs: Sequence[Input]
    plans: Mapping[str, Plan]


def find(environ: Mapping[str, str], root: Path = ROOT) -> Project:
    """Read every file of the project. Raises Mistakes with all that is wrong in any of them."""
    sources, wrong = find_sources(root / "sources")
    destinations, unusable = find_destinations()
    wrong += unusable
    models, mistakes = model.find(root / "warehouse" / "models")
    try:
        ruled = rules.read(place.rules(root))
    except Mistakes as found:
        raise Mistakes([*wrong, *found.mistakes, *mistakes]) from None
    plans, unreadable = _plans(root, [source.name for source in sources])
    wrong += unreadable
    objects = {
        name: {thing: made.objects[thing].modes for thing in made.objects}
        for name, made in destinations.items()
    }
    raw = [f"{source.name}.{stream}" for source in sources for stream in source.streams]
    raw += [f"{source.name}.*" for source in sources if source.like == "events"]
    try:
        whole = catalog.build(models, ruled, raw, objects, mistakes)
    except Mistakes as found:
        raise Mistakes([*wrong, *found.mistakes]) from None
    if wrong:
        raise Mistakes(wrong)
    on = [s for s in sources if _is_on(environ, (source_variable(s.name, p) for p in s.required))]
    tools = {
        name: made
        for name, made in destinations.items()
        if _is_on(environ, (destination_variable(name, secret) for secret in made.secrets))
    }
    if not on and not tools:
        # Whoever has set nothing yet sees what there is, and what to set for it when it runs.
        on, tools = sources, destinations
    usable = catalog.switched_on(whole, ruled, raw, [source.name for source in on])
    inputs = identity.inputs(usable.of("staging"), usable.names(), ruled, [])
    return Project(environ, place.of(root, environ), ruled, on, tools, usable, inputs, plans)


def by_other_rules(found: Project, path: Path | None) -> tuple[Sequence[Input], Rules]:
    """What identity would read by the rules of another file, or of the project's own, and these."""
    ruled = rules.read(path) if path else found.rules
    wrong: list[Mistake] = []
    inputs = identity.inputs(found.catalog.of("staging"), found.catalog.names(), ruled, wrong)
    if wrong:
        raise Mistakes(wrong)
    return inputs, ruled


def _plans(root: Path, sources: Iterable[str]) -> tuple[dict[str, Plan], list[str]]:
    """The tracking plans, by the source they are for, and the mistakes in others."""
    plans, mistakes = dict[str, Plan](), list[str]()
    for source in sources:
        try:
            if found := plan.read(place.plans(root, source)):
                plans[source] = found
        except Mistakes as wrong:
            mistakes += map(str, wrong.mistakes)
    return plans, mistakes


def _is_on(environ: Mapping[str, str], variables: Iterable[str]) -> bool:
    return any(environ.get(variable) for variable in variables)
