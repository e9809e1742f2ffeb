"""Tracking plans as people write them: a small TOML file for each event, or kind of call.

    event = "Order Completed"    # or call = "identify", "group", "page" or "screen"
    on_violation = "omit"

    [properties.total]           # [traits.email] in the file of identify or group
    type = "number"
    required = true

What it says becomes a JSON Schema, as Segment has them.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.events.plan.rules import (
    ACTIONS,
    CALLS,
    TYPES,
    Json,
    PatternError,
    Rule,
    Wrong,
    wrong,
)
from warehouse.events.tables import BY_CALL
from warehouse.mistakes import Mistake

SETTINGS = ("on_violation", "on_unplanned")
EVENT_WORDS = ("event", "call", "version", "description", *SETTINGS)
# Words of a property, and the keywords of JSON Schema they stand for.
KEYWORDS = {
    "type": "type",
    "allowed": "enum",
    "pattern": "pattern",
    "format": "format",
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
}
PROPERTY_WORDS = (*KEYWORDS, "required", "items", "properties", "description")
IMPLIED = {"properties": "object", "items": "array"}
TYPE_WORDS = (*TYPES, "date-time", "any")


@dataclass(frozen=True)
class Settings:
    """What holds for a whole plan: the file plan.toml, if there is one."""

    name: str
    on_violation: str = "allow"
    on_unplanned: str = "allow"
    on_unplanned_event: str = "allow"


def settings(path: Path) -> tuple[Settings, list[Mistake]]:
    """The name of a plan is that of its folder, if it does not say another."""
    usual = Settings(path.parent.name)
    if not path.exists():
        return usual, []
    text = path.read_text()
    stated, mistakes = _parsed(path, text)
    mistakes += [_mistake(path, text, one) for one in _wrong_settings(stated)]
    return usual if mistakes else Settings(**{"name": usual.name, **stated}), mistakes


def rule(
    path: Path, usual: Settings, pattern_error: PatternError
) -> tuple[Rule | None, list[Mistake]]:
    """The rule of one file, or all that is wrong with it."""
    text = path.read_text()
    stated, mistakes = _parsed(path, text)
    if mistakes:
        return None, mistakes
    call = "track" if "event" in stated else stated.get("call")
    body = BY_CALL[call].fields if call in CALLS else "properties"
    found = [*_wrong_event(stated, body)]
    if not found:
        found = [*_wrong_properties(stated.get(body, {}), body)]
    if not found:
        schema = _message(stated.get(body, {}), body)
        found = [*map(_in_our_words, wrong(schema, pattern_error))]
    if found:
        return None, [_mistake(path, text, one) for one in found]
    assert call
    actions = (stated.get(word, getattr(usual, word)) for word in SETTINGS)
    return Rule(call, stated.get("event"), stated.get("version", 1), schema, *actions), []


def _parsed(path: Path, text: str) -> tuple[Json, list[Mistake]]:
    try:
        return tomllib.loads(text), []
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        return {}, [Mistake(path, int(found[1]) if found else 1, str(error))]


def _wrong_settings(stated: Json) -> Iterator[Wrong]:
    yield from _wrong_words(stated, ("name", "on_unplanned_event", *SETTINGS))
    yield from _wrong_actions(stated)
    if stated.get("on_unplanned_event", "allow") not in ("allow", "block"):
        yield "", "on_unplanned_event", f"'{stated['on_unplanned_event']}' is not allow or block"
    if not isinstance(stated.get("name", ""), str):
        yield "", "name", f"the name of a plan is a text, not {stated['name']!r}"


def _wrong_event(stated: Json, body: str) -> Iterator[Wrong]:
    yield from _wrong_words(stated, (*EVENT_WORDS, body))
    yield from _wrong_actions(stated)
    if ("event" in stated) == ("call" in stated):
        yield "", "event", "say either event, with its name, or call, with its kind"
    elif "call" in stated and stated["call"] not in CALLS[1:]:
        known = ", ".join(CALLS[1:])
        yield "", "call", f"'{stated['call']}' is no kind of call with a plan; known: {known}"
    elif not isinstance(stated.get("event", "…"), str) or stated.get("event") == "":
        yield "", "event", f"the name of an event is a text, not {stated['event']!r}"
    version = stated.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        yield "", "version", f"version {version} is not 1, 2, 3 …"
    if not isinstance(stated.get(body, {}), dict):
        yield "", body, f"'{body}' has a table for each name, as [{body}.plan]"


def _wrong_words(stated: Json, known: tuple[str, ...], place: str = "") -> Iterator[Wrong]:
    for word in stated.keys() - set(known):
        yield place, word, f"unknown word '{word}'; known: {', '.join(known)}"


def _wrong_actions(stated: Json) -> Iterator[Wrong]:
    for word in SETTINGS:
        if stated.get(word, "allow") not in ACTIONS:
            yield "", word, f"'{stated[word]}' is not {', '.join(ACTIONS[:-1])} or {ACTIONS[-1]}"


def _wrong_properties(stated: Json, place: str) -> Iterator[Wrong]:
    for name, below in stated.items():
        yield from _wrong_property(below, f"{place}.{name}")


def _wrong_property(stated: Any, place: str) -> Iterator[Wrong]:
    if not isinstance(stated, dict):
        yield place, "", "not a table with words such as type = 'string'"
        return
    yield from _wrong_words(stated, PROPERTY_WORDS, place)
    types = stated.get("type", "any")
    for one in types if isinstance(types, list) else [types]:
        if one not in TYPE_WORDS:
            yield place, "type", f"unknown type '{one}'; known: {', '.join(TYPE_WORDS)}"
    if "date-time" in types and ("string" in types or "format" in stated):
        yield place, "type", "'date-time' is a text of its own form: no string, no other format"
    if not isinstance(stated.get("required", False), bool):
        yield place, "required", "'required' is true or false"
    below = stated.get("properties", {})
    if isinstance(below, dict):
        yield from _wrong_properties(below, place)
    else:
        yield place, "properties", "'properties' has a table for each name"
    if "items" in stated:
        yield from _wrong_property(stated["items"], f"{place}[]")


def _message(stated: Json, body: str) -> Json:
    below = _object(stated)
    return {"properties": {body: below}, "required": [body] if below["required"] else []}


def _object(stated: Json) -> Json:
    return {
        "properties": {name: _schema(below) for name, below in stated.items()},
        "required": [name for name, below in stated.items() if below.get("required")],
    }


def _schema(stated: Json) -> Json:
    schema = {keyword: stated[word] for word, keyword in KEYWORDS.items() if word in stated}
    implied = [kind for word, kind in IMPLIED.items() if word in stated]
    types = schema.pop("type", implied or "any")
    types = types if isinstance(types, list) else [types]
    if "date-time" in types:
        schema["format"] = "date-time"
    if "properties" in stated:
        schema |= _object(stated["properties"])
    if "items" in stated:
        schema["items"] = _schema(stated["items"])
    if "any" not in types:
        schema["type"] = ["string" if one == "date-time" else one for one in types]
    return schema


def _in_our_words(found: Wrong) -> Wrong:
    place, keyword, said = found
    word = next((word for word, known in KEYWORDS.items() if known == keyword), keyword)
    return place, word, said.replace(f"'{keyword}'", f"'{word}'")


def _mistake(path: Path, text: str, found: Wrong) -> Mistake:
    place, word, said = found
    name = place.rpartition(".")[2].removesuffix("[]")
    line = _line(text.splitlines(), name, word)
    return Mistake(path, line, f"{place}: {said}" if place else said)


def _line(lines: list[str], name: str, word: str) -> int:
    """The first line that begins with the word, in the table of that name; else its head."""
    heads = (
        number
        for number, line in enumerate(lines)
        if (line.startswith("[") and name in line) or line.startswith((name, f'"{name}"'))
    )
    head = next(heads, 0)
    for number in range(head, len(lines)):
        if lines[number].lstrip("[ ").startswith(word):
            return number + 1
        if number > head and lines[number].startswith("["):
            break
    return head + 1
