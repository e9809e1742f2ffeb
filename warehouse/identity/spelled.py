"""Texts into numbers: each distinct text once, and then tuples of identifiers in numbers alone.

Most texts are as the rules want them, so that the number of the text is that of the identifier.
Others are odd: to be normalised, blocked, or blank.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from warehouse.database import Database
from warehouse.identity.rules import Identifier, Rules, e164
from warehouse.quoting import text

if TYPE_CHECKING:
    from warehouse.identity.occurrences import Input

BLOCKED = "ID value blocked"
BARRED = "Source not trusted with it"
# An identifier of a tuple: by its spelling, unless that is odd.
NODE = """
    case when odd_{type}.spelling is null then {column}
        when not odd_{type}.is_blocked then odd_{type}.node end
"""
SPELLED = """
    left join (from odd where type = {type}) as odd_{type} on odd_{type}.spelling = {column}
"""


def number(of: str) -> str:
    """SQL for the number of some values: a positive bigint."""
    return f"cast(hash({of}) >> 1 as bigint)"


def spelling(name: str, text: str) -> str:
    """SQL for the number of a text; where it is as rules want it, that of the identifier too."""
    return f"case when {text} is not null then {_node(name, text)} end"


def _node(name: str, value: str) -> str:
    """SQL for the number of an identifier."""
    return number(f"'{name}', {value}")


def take(db: Database, changed: Mapping[int, "Input"], rules: Rules) -> None:
    """What the tuples in temp table heads bear: each text once, whichever the source, and then
    tuples in numbers alone.
    """
    for place, source in changed.items():
        _bear(db, place, source)
    for type_, rule in enumerate(rules.identifiers):
        bearing = [place for place, source in changed.items() if rule.name in source.identifiers]
        if bearing:
            _take_texts(db, type_, rule, bearing)
    for place, source in changed.items():
        _take_tuples(db, place, source, rules)


def _bear(db: Database, place: int, source: "Input") -> None:
    """Temp table bearing_<place>: the tuples of a source, and what they bear in text and number."""
    spelled = zip(source.identifiers, source.numbers, strict=True)
    numbers = (f"{spelling(name, name)} as {column}" for name, column in spelled)
    db.temp(
        f"bearing_{place}",
        f"""
        select heads.tuple, {{'at_us': first_us, 'row_id': row_id}} as first, last_us,
            {", ".join((*source.identifiers, *numbers))}
        from news_{place}
        join (from heads where source = {place}) as heads using (position)
        """,
    )


def _take_texts(db: Database, type_: int, rule: Identifier, bearing: Sequence[int]) -> None:
    """Into `odd` those that are not as rules want them, with the node that they mean, or none where
    nothing is left of a text; into `new_names` the identifiers.
    """
    texts = " union all ".join(f"select {rule.name} as text from bearing_{n}" for n in bearing)
    db.temp("texts", f"select distinct text from ({texts}) where text is not null")
    join, value = "", "trim(text)"
    if rule.normalise == "lower":
        value = "lower(trim(text))"
    elif rule.normalise == "phone":
        _parse_phones(db, rule)
        join, value = "left join numbers on written = trim(text)", "coalesce(number, trim(text))"
    # Materialized, or `value` is worked out again wherever it is named.
    db.run(f"""
        insert into odd
        with valued as materialized (select text, {value} as value from texts {join})
        select {type_}, {spelling(rule.name, "text")}, text,
            case when value <> '' then {_node(rule.name, "value")} end, value, is_blocked
        from (select *, {_is_blocked(rule)} as is_blocked from valued)
        where value <> text or is_blocked or value = ''
    """)
    db.run(f"""
        insert into new_names
        select {_node(rule.name, "text")}, {type_}, text
        from texts
        anti join (from odd where type = {type_}) as odd using (text)
    """)
    db.run(f"""
        insert into new_names
        select distinct node, type, value
        from (from odd where type = {type_} and node is not null and not is_blocked) as odd
        anti join (from new_names where type = {type_}) as named using (node, value)
    """)
    db.run("drop table texts")


def _is_blocked(rule: Identifier) -> str:
    tests = [f"regexp_matches(value, {text(p)})" for p in rule.blocked_patterns]
    if rule.blocked_values:
        values = ", ".join(text(value) for value in rule.blocked_values)
        # To write a text in small letters is to copy it; it has as many of them as before.
        longest = max(map(len, rule.blocked_values))
        is_one = f"lower(value) in ({values})"
        tests.append(f"case when length(value) <= {longest} then {is_one} else false end")
    return " or ".join(tests) or "false"


def _parse_phones(db: Database, rule: Identifier) -> None:
    """Temp table numbers (written, number) in E.164; what is no valid number has no row in it."""
    written = [value for (value,) in db.run("select distinct trim(text) from texts")]
    numbers = [e164(value, rule.region) for value in written]
    db.run(
        "create or replace temp table numbers as from (select unnest($written) as written,"
        " unnest($numbers) as number) where number is not null",
        {"written": written, "numbers": numbers},
    )


def _take_tuples(db: Database, place: int, source: "Input", rules: Rules) -> None:
    wide = f"bearing_{place}"
    nodes, spelled = [], []
    for column, name in zip(source.numbers, source.identifiers, strict=True):
        type_, is_barred = rules.names.index(name), rules.is_barred(source.name, name)
        (_bar if is_barred else _spell)(db, wide, type_, column)
        nodes.append("null" if is_barred else NODE.format(type=type_, column=column))
        spelled.append(SPELLED.format(type=type_, column=column))
    db.run(
        f"insert into new_tuples select tuple, {place}, first, last_us, [{', '.join(nodes)}]"
        f" from {wide} {' '.join(spelled)}"
    )
    db.run(f"drop table {wide}")


def _spell(db: Database, wide: str, type_: int, column: str) -> None:
    """What is said of tuples whose texts are odd."""
    spelled = f"{wide} join odd on odd.type = {type_} and odd.spelling = {column}"
    db.run(f"""
        insert into new_writings
        select tuple, node, trim(text)
        from {spelled}
        where node is not null and not is_blocked and value <> trim(text)
    """)
    db.run(f"""
        insert into new_blocked
        select tuple, {type_}, value, '{BLOCKED}' from {spelled} where is_blocked and value <> ''
    """)


def _bar(db: Database, wide: str, type_: int, column: str) -> None:
    db.run(f"""
        insert into new_blocked
        select tuple, {type_}, coalesce(odd.value, named.value), '{BARRED}'
        from {wide}
        left join (from odd where type = {type_}) as odd on odd.spelling = {column}
        left join (from new_names where type = {type_}) as named on named.node = {column}
        where coalesce(odd.value, named.value) <> ''
    """)
