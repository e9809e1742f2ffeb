"""What is said by hand in the rules, in numbers: identifiers that are one, and those kept apart."""

from collections.abc import Iterator

from warehouse.database import Database
from warehouse.identity.rules import Named, Rules
from warehouse.identity.spelled import number


def number_lines(db: Database, rules: Rules) -> None:
    """Temp tables joined (node, stand, type): identifiers that are one, and the type of the
    strongest of them; and parted (one, other), in stands.
    """
    db.run("create or replace temp table joined (node bigint, stand bigint, type integer)")
    for group in rules.joined():
        # Of two as strong, always the same one: a set has another order in each process.
        strongest = min(group, key=lambda named: (rules.names.index(named.type), named.value))
        stand = _number(db, strongest)
        rows = [(_number(db, one), stand, rules.names.index(strongest.type)) for one in group]
        db.connection.executemany("insert into joined values (?, ?, ?)", rows)
    db.run("create or replace temp table parted (one bigint, other bigint)")
    for pair in _parted(db, rules):
        db.run("insert into parted values (?, ?)", pair)


def _parted(db: Database, rules: Rules) -> Iterator[tuple[int, ...]]:
    stands = dict(db.run("select node, stand from joined"))
    for line in rules.parts:
        numbers = [_number(db, named) for named in (line.one, line.other)]
        yield tuple(stands.get(node, node) for node in numbers)


def _number(db: Database, named: Named) -> int:
    select = f"select {number('type, value')} from (select ? as type, ? as value)"
    return int(db.value(select, list(named)))
