"""What is wrong in identity.toml: all of it, each with its line."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warehouse.identity.rules import NORMALISE, WINDOWS, groups, rules
from warehouse.mistakes import Mistake

TABLES = ("blocked", "identifiers", "join", "part", "profile", "sources")
SETTINGS = ("priority", "limit", "normalise", "region", "blocked")
WORDS_OF_A_LINE = ("identifiers", "reason", "by")
Stated = dict[str, Any]
# (what stands in the line to mend, which of the lines with it, what is wrong)
Wrong = Iterator[tuple[str, int, str]]


def parse(path: Path) -> tuple[Stated, list[Mistake]]:
    """What the file states, and the mistakes in it."""
    text = path.read_text()
    try:
        stated = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        return {}, [Mistake(path, int(found[1]) if found else 1, str(error))]
    wrong = list(_wrong(stated)) or list(_contradictions(stated))
    return stated, [Mistake(path, _line(text, place, nth), words) for place, nth, words in wrong]


def _line(text: str, place: str, nth: int) -> int:
    lines = [n for n, line in enumerate(text.splitlines(), 1) if place in line.partition("#")[0]]
    return lines[min(nth, len(lines) - 1)] if lines else 1


def _wrong(stated: Stated) -> Wrong:
    yield from _unknown(stated, TABLES, "table")
    yield from _unknown(stated.get("profile", {}), ("max_merges", "max_identifiers"), "setting")
    yield from _wrong_blocks(stated.get("blocked", {}))
    if not stated.get("identifiers"):
        yield "identifiers", 0, "no identifiers: name at least one, as [identifiers.user_id]"
    for name, setting in stated.get("identifiers", {}).items():
        yield from _wrong_identifier(name, setting)
    for name, said in stated.get("sources", {}).items():
        yield from _wrong_source(name, said, stated.get("identifiers", {}))
    for kind in ("join", "part"):
        for nth, said in enumerate(stated.get(kind, ())):
            for words in _wrong_line(kind, said, stated.get("identifiers", {})):
                yield f"[[{kind}]]", nth, words


def _unknown(said: Stated, known: tuple[str, ...], noun: str) -> Wrong:
    for word in said.keys() - set(known):
        yield word, 0, f"unknown {noun} '{word}'; known: {', '.join(known)}"


def _wrong_identifier(name: str, setting: Stated) -> Wrong:
    place = f"[identifiers.{name}]"
    for word in setting.keys() - set(SETTINGS):
        yield place, 0, f"{name}: unknown setting '{word}'; known: {', '.join(SETTINGS)}"
    limit = str(setting.get("limit", "5 ever"))
    if not re.fullmatch(rf"[1-9]\d* ({'|'.join(WINDOWS)})", limit):
        yield place, 0, f"{name}: limit '{limit}' is not like '5 weekly'; {', '.join(WINDOWS)}"
    priority = setting.get("priority", 1)
    if not isinstance(priority, int | float):
        yield place, 0, f"{name}: priority '{priority}' is not a number"
    if setting.get("normalise", "none") not in NORMALISE:
        known = ", ".join(NORMALISE)
        yield place, 0, f"{name}: unknown normalise '{setting['normalise']}'; known: {known}"
    yield from _wrong_blocks(setting.get("blocked", {}))


def _wrong_blocks(blocked: Stated) -> Wrong:
    yield from _unknown(blocked, ("values", "patterns"), "setting")
    for pattern in blocked.get("patterns", ()):
        try:
            re.compile(pattern)
        except re.error as error:
            yield pattern, 0, f"the pattern '{pattern}' is none: {error}"


def _wrong_source(name: str, said: Stated, identifiers: Stated) -> Wrong:
    place = f"[sources.{name}"
    for word in said.keys() - {"barred", "priority"}:
        yield place, 0, f"{name}: unknown setting '{word}'; known: barred, priority"
    for kind in [*said.get("barred", ()), *said.get("priority", {})]:
        if kind not in identifiers:
            yield place, 0, f"{name}: there is no identifier '{kind}'"
    for kind, priority in said.get("priority", {}).items():
        if not isinstance(priority, int | float):
            yield place, 0, f"{name}: priority '{priority}' of {kind} is not a number"


def _wrong_line(kind: str, said: Stated, identifiers: Stated) -> Iterator[str]:
    for word in said.keys() - set(WORDS_OF_A_LINE):
        yield f"{kind}: unknown setting '{word}'; known: {', '.join(WORDS_OF_A_LINE)}"
    for word in ("reason", "by"):
        if not isinstance(said.get(word), str) or not said[word].strip():
            yield f"{kind}: say '{word} = \"…\"'"
    named = said.get("identifiers", ())
    if len(named) != 2 or len(set(named)) != 2:
        yield f'{kind}: name two identifiers, as ["email:ada@example.com", "user_id:7"]'
    for text in named:
        type_, _, value = str(text).partition(":")
        if type_ not in identifiers or not value.strip():
            yield f"{kind}: '{text}' is no identifier; one is like 'email:ada@example.com'"


def _contradictions(stated: Stated) -> Wrong:
    """Lines that part what other lines join."""
    ruled = rules(stated)
    joined = groups(ruled.joins)
    for nth, part in enumerate(ruled.parts):
        if part.one == part.other or any({part.one, part.other} <= group for group in joined):
            one, other = ":".join(part.one), ":".join(part.other)
            yield "[[part]]", nth, f"part: '{one}' and '{other}' are joined by another line"
