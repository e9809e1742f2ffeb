"""The rules of a tracking plan, taken apart into what is to be looked at (level.py)."""

from collections.abc import Collection, Iterator

from warehouse.events.plan.checks import json_types, wrong_type, wrong_value
from warehouse.events.plan.level import ANYTHING, MISSING, Check, Level, Node, nullable, shown
from warehouse.events.plan.rules import FIELDS, OBJECTS, Json, Rule, inner
from warehouse.events.tables import BY_CALL
from warehouse.quoting import text


def levels(rule: Rule, where: str, planned: Collection[str]) -> Iterator[Level]:
    """Everything to look at; `where` picks its calls, `planned` are the names these may have.

    Where properties are required, a call without any is looked at as one with none, to tell which
    of them are missing.
    """
    required = set(rule.schema.get("required", ()))
    stated = {name: inner(below) for name, below in rule.schema.get("properties", {}).items()}
    for name in OBJECTS:
        schema = stated.get(name, {})
        is_made = name in required and schema.get("required")
        value = f"coalesce({name}, '{{}}')" if is_made else name
        level = Level(value, f"{where} and {value} is not null")
        root = Node("", name) if name == "context" else Node("", "", is_body=True)
        _look_below(rule, level, root, schema)
        if rule.on_unplanned != "allow" and rule.call and BY_CALL[rule.call].fields == name:
            _look_for_others(level, root, planned, rule.on_unplanned)
        yield from level.all()
        required -= {name} if is_made else set()
    yield from _message(rule, where, required, stated).all()


def _message(rule: Rule, where: str, required: set[str], stated: Json) -> Level:
    """The fields of a message that are texts, and which of its objects it has, as JSON."""
    fields = {name: stated[name] for name in FIELDS if name in stated}
    said = ", ".join(
        f"{text(name)}, {FIELDS.get(name) or f'case when {name} is not null then true end'}"
        for name in sorted(fields.keys() | required)
    )
    # A merge patch leaves out what is null.
    level = Level(f"json_merge_patch('{{}}', json_object({said}))", where)
    _look_below(rule, level, Node("", ""), {"required": sorted(required), "properties": fields})
    return level


def _look(rule: Rule, level: Level, node: Node, schema: Json) -> None:
    """A value and everything in it."""
    value = level.value_of(node)
    wrong_values = list(wrong_value(value, schema))
    checks = [("invalid_type", *one) for one in wrong_type(value, schema)]
    checks += [("invalid_value", *one) for one in wrong_values]
    if checks:
        consequence = _consequence(rule.on_violation, node.omitted)
        level.expect(node, {*json_types(schema), MISSING})
        level.suspicions += [condition for condition, _ in wrong_values]
        level.checks.append(
            [
                Check(condition, kind, node.field, node.pointer, words, *consequence)
                for kind, condition, words in checks
            ]
        )
    _look_below(rule, level, node, schema)
    if "items" in schema:
        element = Node("", f"{node.field}[]", node.omitted)
        _look(rule, level.elements(node), element, inner(schema["items"]))


def _look_below(rule: Rule, level: Level, node: Node, schema: Json) -> None:
    """What an object must have, and the values in it."""
    # What is missing cannot be omitted: at Segment too, such a call goes through as it is.
    consequence = _consequence(rule.on_violation, node.omitted)
    for name in schema.get("required", ()):
        missing = node.below(name)
        condition = f"{level.type(missing)} is null"
        if node.pointer or level.parent:
            condition = f"({level.type(node)} = 'OBJECT' and {condition})"
            level.suspicions.append(condition)
        else:  # an object for sure
            level.expect(missing, ANYTHING - {MISSING})
        level.checks.append(
            [Check(condition, "required", missing.field, None, "is required", *consequence)]
        )
    for name, below in schema.get("properties", {}).items():
        _look(rule, level, node.below(name), inner(below))
    if schema.get("additionalProperties") is False:
        _look_for_others(level, node, schema.get("properties", {}), rule.on_violation)


def _look_for_others(level: Level, node: Node, names: Collection[str], on: str) -> None:
    """What an object has and should not have, name by name."""
    is_other = f"k not in ({', '.join(map(text, names))})" if names else "true"
    keys = f"list_filter({level.keys(node)}, lambda k: {is_other})"
    said = f"{text(f'{node.field}.')} || k" if node.field else "k"
    pointer = f"{text(f'{node.pointer}/')} || replace(replace(k, '~', '~0'), '/', '~1')"
    message = f"{said} || ' is ' || {shown(pointer)} || ', not in the plan'"
    action, omitted = _consequence(on, node.omitted)
    if node.is_body:
        action, gone = on, "k" if on == "omit" else "null"
    else:
        gone = nullable(omitted)
    level.suspicions.append(f"len({keys}) > 0")
    level.others.append(
        (f"distinct n, 'unplanned_property', {said}, {message}, '{action}', {gone}", keys)
    )


def _consequence(on: str, omitted: str | None) -> tuple[str, str | None]:
    """Where there is nothing to omit, nothing is."""
    return ("allow" if on == "omit" and omitted is None else on), omitted if on == "omit" else None
