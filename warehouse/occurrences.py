"""From staging rows to numbers: which identifiers stand on which row, normalised and unblocked.

Rows are many and the tuples of identifiers they bear are few; turning text into numbers is most of
the cost of identity. So distinct tuples come first, and everything after works on integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warehouse.database import Database
from warehouse.replay import BLOCKED
from warehouse.rules import Identifier, Rules

# Where a staging row does not know its time, it comes last, so that it never is the oldest.
NO_TIME = "timestamptz '9999-12-31 00:00:00+00'"


@dataclass(frozen=True)
class Input:
    """A staging table that carries identifiers."""

    name: str
    key: str
    time: str
    identifiers: tuple[str, ...]


def save(db: Database, inputs: Sequence[Input], rules: Rules, folder: Path) -> None:
    """Write staging.borne: every staging row with its identifiers as text, trimmed."""
    selects = []
    for source in inputs:
        columns = ", ".join(
            f"nullif(trim(cast({name} as varchar)), '') as {name}"
            if name in source.identifiers
            else f"cast(null as varchar) as {name}"
            for name in rules.names
        )
        selects.append(f"""
            select '{source.name}' as source, cast({source.key} as varchar) as row_id,
                coalesce(cast({source.time} as timestamptz), {NO_TIME}) as seen_at, {columns}
            from staging.{source.name}
        """)
    db.save(" union all ".join(selects), folder / "staging.borne.parquet")


def number(db: Database, rules: Rules) -> None:
    """From staging.borne make the temp tables that the rest of identity works on:

    occurrences (source, row_id, seen_at, one column per identifier): the rows, normalised;
    blocked (source, row_id, seen_at, type, value, reason): what was taken out;
    tuples (tuple, the same columns, first, last_at): distinct ones, numbered in time order;
    nodes (node, type, value, first_tuple): the identifiers; type counts strongest first, from 0;
    ties (tuple, node, type): which stands in which.
    """
    _block(db, rules)
    names = ", ".join(rules.names)
    db.run(f"""
        create or replace temp table tuples as
        select row_number() over (order by first) as tuple, *
        from (
            select
                {names},
                min({{'seen_at': seen_at, 'source': source, 'row_id': row_id}}) as first,
                max(seen_at) as last_at
            from occurrences
            where coalesce({names}) is not null
            group by {names}
        )
    """)
    long = " union all ".join(
        f"select tuple, {place} as type, {name} as value from tuples where {name} is not null"
        for place, name in enumerate(rules.names)
    )
    db.run(f"create or replace temp table bearings as {long}")
    db.run("""
        create or replace temp table nodes as
        select row_number() over (order by first_tuple, type) as node, *
        from (select type, value, min(tuple) as first_tuple from bearings group by type, value)
    """)
    db.run("""
        create or replace temp table ties as
        select tuple, node, type from bearings join nodes using (type, value)
    """)


def _block(db: Database, rules: Rules) -> None:
    joins = _parse_phones(db, rules)
    columns = ", ".join(
        f"{_normalised(rule)} as {rule.name}, borne.{rule.name} as {rule.name}_written"
        for rule in rules.identifiers
    )
    db.run(f"""
        create or replace temp view normalised as
        select source, row_id, seen_at, {columns} from staging.borne {joins}
    """)
    kept = ", ".join(
        f"case when {_is_blocked(rule)} then null else {rule.name} end as {rule.name}"
        for rule in rules.identifiers
    )
    db.run(f"""
        create or replace temp table occurrences as
        select source, row_id, seen_at, {kept} from normalised
    """)
    taken_out = " union all ".join(
        f"select source, row_id, seen_at, '{rule.name}' as type, {rule.name} as value,"
        f" '{BLOCKED}' as reason from normalised where {_is_blocked(rule)}"
        for rule in rules.identifiers
    )
    db.run(f"create or replace temp table blocked as {taken_out}")


def _normalised(rule: Identifier) -> str:
    if rule.normalise == "lower":
        return f"lower(borne.{rule.name})"
    if rule.normalise == "phone":
        return f"coalesce({rule.name}_numbers.number, borne.{rule.name})"
    return f"borne.{rule.name}"


def _is_blocked(rule: Identifier) -> str:
    tests = [f"regexp_matches({rule.name}, {_text(p)})" for p in rule.blocked_patterns]
    if rule.blocked_values:
        values = ", ".join(_text(value) for value in rule.blocked_values)
        tests.append(f"lower({rule.name}) in ({values})")
    return f"({rule.name} is not null and ({' or '.join(tests) or 'false'}))"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _parse_phones(db: Database, rules: Rules) -> str:
    """Temp tables <identifier>_numbers (written, number) in E.164; the joins that look them up.

    What libphonenumber does not know for a valid number stays as it was written.
    """
    import phonenumbers
    import pyarrow as pa

    joins = []
    for rule in (rule for rule in rules.identifiers if rule.normalise == "phone"):
        written, numbers = [], []
        for (text,) in db.run(
            f"select distinct {rule.name} from staging.borne where {rule.name} is not null"
        ):
            try:
                parsed = phonenumbers.parse(text, rule.region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_valid_number(parsed):
                written.append(text)
                numbers.append(
                    phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
                )
        read = pa.table(
            {"written": pa.array(written, pa.string()), "number": pa.array(numbers, pa.string())}
        )
        with db.lent("numbers_read", read):
            db.run(f"create or replace temp table {rule.name}_numbers as from numbers_read")
        joins.append(
            f"left join {rule.name}_numbers on {rule.name}_numbers.written = borne.{rule.name}"
        )
    return " ".join(joins)
