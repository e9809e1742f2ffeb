"""Tracking plans as Segment exports them: JSON, with a JSON Schema for each event.

The Public API lists rules, page by page: a file a page will do. Typewriter keeps such a list as
plan.json, but of each schema only what it says of the properties. The older Config API has the
rules by kind. https://docs.segmentapis.com/tag/Tracking-Plans#operation/listRulesFromTrackingPlan
"""

import json
from pathlib import Path
from typing import Any

from warehouse.events.plan.rules import CALLS, Json, PatternError, Rule, wrong
from warehouse.events.plan.toml import Settings
from warehouse.events.tables import BY_CALL
from warehouse.mistakes import Mistake

COMMON = "common"
BY_KIND = {"global": COMMON, **{call: call for call in CALLS[1:]}}
SHAPE = (
    'not a tracking plan of Segment: neither {"rules": [{"type", "key", "jsonSchema"}, …]}'
    ' nor {"rules": {"events": [{"name", "rules"}, …]}}'
)
# The settings of a source are no part of its plan: plan.toml has ours.
Stated = dict[str, Any]


def rules(
    path: Path, usual: Settings, pattern_error: PatternError
) -> tuple[list[tuple[Rule, int]], list[Mistake]]:
    """The rules of one file, each with its line, and what is wrong with the others."""
    text = path.read_text()
    try:
        listed = _listed(json.loads(text))
    except json.JSONDecodeError as error:
        return [], [Mistake(path, error.lineno, f"not JSON: {error.msg}")]
    if listed is None:
        return [], [Mistake(path, 1, SHAPE)]
    found: list[tuple[Rule, int]] = []
    mistakes: list[Mistake] = []
    at = -1
    for number, stated in enumerate(listed, 1):
        at = _place(text, stated, at + 1)
        line = text.count("\n", 0, at) + 1
        words = _wrong_rule(stated)
        if words:
            mistakes.append(Mistake(path, line, f"rule {number}: {words}"))
            continue
        rule = _rule(stated, usual)
        wrongs = [
            Mistake(path, line, f"{rule}, {place or 'message'}: {said}")
            for place, _, said in wrong(rule.schema, pattern_error)
        ]
        mistakes += wrongs
        found += [] if wrongs else [(rule, line)]
    return found, mistakes


def _listed(stated: Any) -> list[Any] | None:
    """The rules as the Public API lists them; None where the file has no such thing."""
    if isinstance(stated, dict):
        stated = stated.get("data", stated)
    listed = stated.get("rules") if isinstance(stated, dict) else None
    if not isinstance(listed, dict):
        return listed if isinstance(listed, list) else None
    events = listed.get("events") or []
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        return None
    found = [
        {
            "type": "TRACK",
            "key": event.get("name"),
            "version": event.get("version", 1),
            "jsonSchema": event.get("rules"),
        }
        for event in events
    ]
    kinds = [(kind, schema) for kind, schema in listed.items() if kind != "events" and schema]
    return found + [{"type": BY_KIND.get(kind, kind), "jsonSchema": told} for kind, told in kinds]


def _wrong_rule(stated: Any) -> str | None:
    if not isinstance(stated, dict):
        return "not an object"
    kind = str(stated.get("type")).lower()
    if kind not in (*CALLS, COMMON):
        return f"its type is {stated.get('type')}; known: {', '.join((*CALLS, COMMON)).upper()}"
    if not isinstance(stated.get("jsonSchema"), dict):
        return "its jsonSchema is no object"
    if kind == "track" and not (isinstance(stated.get("key"), str) and stated["key"]):
        return "its key, the name of the event, is no text"
    version = stated.get("version", 1)
    return None if isinstance(version, int) else f"its version is {version}, no whole number"


def _rule(stated: Stated, usual: Settings) -> Rule:
    kind = stated["type"].lower()
    call = None if kind == COMMON else kind
    is_named = kind in ("track", "page", "screen")
    name = stated.get("key") or None if is_named else None
    schema: Json = stated["jsonSchema"]
    if "eventMetadata" in schema and call:
        body = BY_CALL[call].fields
        needed = {"required": [body]} if schema.get("required") else {}
        schema = {"properties": {body: schema}, **needed}
    version = stated.get("version", 1)
    return Rule(call, name, version, schema, usual.on_violation, usual.on_unplanned)


def _place(text: str, stated: Any, after: int) -> int:
    """Where the name of a rule stands, or its kind: rules come one after the other."""
    said = [stated.get("key"), stated.get("type")] if isinstance(stated, dict) else []
    places = (text.find(json.dumps(word), after) for word in said if word)
    return next((place for place in places if place >= 0), after)
