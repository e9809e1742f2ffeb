"""What the header of a sync's file says of it: read into a Sync, and checked."""

import re
from collections.abc import Collection, Iterator, Mapping

from warehouse.mistakes import Mistake
from warehouse.model import Model
from warehouse.sync import ANY, FIFTH, Limit, Sync

# By destination and object, the modes that a sync may have.
Destinations = Mapping[str, Mapping[str, Collection[str]]]

NEEDED = ("to", "key", "mode", "cron")
LIMITS = ("max_deletes", "max_updates")
FIELDS = ("keep", "fill", "profile")
WORDS = (*NEEDED, *LIMITS, *FIELDS, "refresh")

SPELLED = {
    "refresh": (r"[1-9]\d* days?", "like '30 days'"),
    "max_deletes": (r"\d+%?|any", "a number, a share like 20%, or any"),
    "max_updates": (r"\d+%?|any", "a number, a share like 20%, or any"),
}


def read(model: Model) -> Sync:
    """The sync of a model whose header has no mistakes."""
    said = model.settings
    return Sync(
        model.name,
        model.table,
        said["key"],
        said["mode"],
        keep=_names(said.get("keep", "")),
        fill=_names(said.get("fill", "")),
        refresh_days=int(said["refresh"].split()[0]) if "refresh" in said else None,
        profile=said.get("profile"),
        max_deletes=_limit(said["max_deletes"]) if "max_deletes" in said else FIFTH,
        max_updates=_limit(said.get("max_updates", "any")),
    )


def mistakes(
    model: Model, columns: Collection[str], destinations: Destinations
) -> Iterator[Mistake]:
    """What is wrong with the header of a sync."""
    for word in NEEDED:
        if word not in model.settings:
            yield model.mistake(1, f"a sync must say '-- {word}: …'")
    yield from _target_mistakes(model, destinations)
    for word, (pattern, meaning) in SPELLED.items():
        stated = model.settings.get(word)
        if stated is not None and not re.fullmatch(pattern, stated):
            yield model.mistake(model.lines[word], f"{word} '{stated}' is not {meaning}")
    for word in FIELDS:
        for name in _names(model.settings.get(word, "")):
            if columns and name not in columns:
                found = ", ".join(columns)
                yield model.mistake(
                    model.lines[word], f"{word} '{name}' is no column of it; it has: {found}"
                )


def _target_mistakes(model: Model, destinations: Destinations) -> Iterator[Mistake]:
    target = model.settings.get("to", "")
    destination, _, thing = target.partition(".")
    line = model.lines.get("to", 1)
    if target and destination not in destinations:
        known = ", ".join(sorted(destinations))
        yield model.mistake(line, f"unknown destination '{destination}'; known: {known}")
    elif target and thing not in destinations[destination]:
        known = ", ".join(sorted(destinations[destination]))
        yield model.mistake(line, f"{destination} has no object '{thing}'; it has: {known}")
    modes = destinations.get(destination, {}).get(thing, ())
    mode = model.settings.get("mode")
    if mode and modes and mode not in modes:
        known = ", ".join(modes)
        yield model.mistake(model.lines["mode"], f"{target} has no mode '{mode}'; it has: {known}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _limit(text: str) -> Limit:
    if text == "any":
        return ANY
    return Limit(percent=float(text[:-1])) if text.endswith("%") else Limit(count=int(text))
