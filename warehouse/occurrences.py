"""From staging rows to numbers: which identifiers stand on which row, normalised and unblocked.

Rows are many and the tuples of identifiers they bear are few; turning text into numbers is most of
the cost of identity. So distinct tuples come first, and everything after works on integers: a row,
a tuple and an identifier go by 63 bits of DuckDB's hash of what they say, so that a number needs no
looking up. Where two identifiers have the same number, which in one of some hundred thousand
warehouses they do, `affected` finds it and stops.

A run reads staging once to see, by source and day, what has changed since the last, and then only
the rows of those days (`Reading`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.database import Database
from warehouse.quoting import text
from warehouse.rules import Identifier, Rules, e164

# Where a staging row does not know its time, it comes last, so that it never is the oldest.
NO_TIME = "timestamptz '9999-12-31 00:00:00+00'"
DAY_US = 24 * 60 * 60 * 1_000_000
BLOCKED = "ID value blocked"
BARRED = "Source not trusted with it"


class SameNumber(Exception):
    """Two identifiers have the same number; to go on would make two people one."""

    def __init__(self, one: str, other: str):
        super().__init__(
            f"The identifiers '{one}' and '{other}' have the same number. Please report this; until"
            " then, block one of them in identity.toml."
        )


@dataclass(frozen=True)
class Input:
    """A staging table that carries identifiers."""

    name: str
    key: str
    time: str
    identifiers: tuple[str, ...]

    @property
    def rows(self) -> str:
        """SELECT of its rows that bear identifiers: tuple, at_us, row_id, and each as text."""
        ids = ", ".join(f"cast({name} as varchar) as {name}" for name in self.identifiers)
        return f"""
            select {self.tuple} as tuple, at_us, row_id, {self.names}
            from (
                select {self.at_us} as at_us, cast({self.key} as varchar) as row_id, {ids}
                from staging.{self.name}
            )
            where coalesce({self.names}) is not null
        """

    def rows_since(self, at_us: int) -> str:
        """Those of this time and later, or of none: DuckDB then skips what is older unread."""
        since = f"{self.time} >= make_timestamptz({at_us}) or {self.time} is null"
        return self.rows.replace(
            f"from staging.{self.name}", f"from staging.{self.name} where {since}"
        )

    @property
    def names(self) -> str:
        return ", ".join(self.identifiers)

    @property
    def tuple(self) -> str:
        """SQL for the number of what a row bears."""
        ids = ", ".join(f"cast({name} as varchar)" for name in self.identifiers)
        return number(f"'{self.name}', {ids}")

    @property
    def at_us(self) -> str:
        return f"epoch_us(coalesce(cast({self.time} as timestamptz), {NO_TIME}))"

    @property
    def mark(self) -> str:
        """SQL for the number of a row, where `tuple_number` is that of its tuple."""
        return number(f"cast({self.key} as varchar), tuple_number, {self.at_us}")


def number(of: str) -> str:
    """SQL for the number of some values: a positive bigint."""
    return f"cast(hash({of}) >> 1 as bigint)"


MARK = number("row_id, tuple, at_us")
DIGEST = f"""
    select source, at_us // {DAY_US} as day, count(*) as row_count, sum({MARK}) as marks
"""


def read_all(db: Database, inputs: Sequence[Input], rules: Rules) -> None:
    """Take every row for new; see `read_new` for the temp tables this makes."""
    _empty(db)
    for place, source in enumerate(inputs):
        _take(db, place, source, source.rows, rules)
    db.run(f"insert into days {DIGEST} from fresh group by all")


def read_new(db: Database, inputs: Sequence[Input], rules: Rules) -> None:
    """What has changed since the run that left stitching.*, as temp tables:

    fresh (source, tuple, at_us, row_id): rows that are new; one that changed is new, and gone;
    gone (mark, tuple): rows that are no more;
    new_tuples (tuple, source, first, last_us): distinct tuples of the fresh rows, with the first of
    them as {at_us, row_id};
    new_ties (tuple, node, type, value, written, reason): what they bear; `written` where
    normalising changed it, a reason where it must not tie;
    days (source, day, row_count, marks): what staging has, for the next run.
    """
    _empty(db)
    for place, source in enumerate(inputs):
        staged = f"(select {place} as source, * from ({source.rows}))"
        db.run(f"insert into days {DIGEST} from {staged} group by all")
        db.run(f"""
            create or replace temp table changed as
            select distinct day
            from (
                (select * from days where source = {place}
                except select * from stitching.days where source = {place})
                union all
                (select * from stitching.days where source = {place}
                except select * from days where source = {place})
            )
        """)
        if db.count("changed"):
            _compare(db, place, source, rules)


def _compare(db: Database, place: int, source: Input, rules: Rules) -> None:
    """Rows of the changed days, against those that the last run saw of them."""
    first = db.value("select min(day) from changed") * DAY_US
    db.run(f"""
        create or replace temp table there as
        select {MARK} as mark, *
        from ({source.rows_since(first)})
        where at_us // {DAY_US} in (from changed)
    """)
    db.run(f"""
        create or replace temp table known as
        select {MARK} as mark, tuple
        from stitching.rows
        where source = {place} and at_us // {DAY_US} in (from changed)
    """)
    db.run("insert into gone select * from known anti join there using (mark)")
    _take(db, place, source, "from there anti join known using (mark)", rules)
    db.run("drop table there")
    db.run("drop table known")


def _empty(db: Database) -> None:
    for table, columns in {
        "fresh": "source integer, tuple bigint, at_us bigint, row_id varchar",
        "gone": "mark bigint, tuple bigint",
        "new_tuples": "tuple bigint, source integer,"
        " first struct(at_us bigint, row_id varchar), last_us bigint",
        "new_ties": "tuple bigint, node bigint, type integer, value varchar, written varchar,"
        " reason varchar",
        "days": "source integer, day bigint, row_count bigint, marks hugeint",
    }.items():
        db.run(f"create or replace temp table {table} ({columns})")


def _take(db: Database, place: int, source: Input, rows: str, rules: Rules) -> None:
    db.run(f"insert into fresh select {place}, tuple, at_us, row_id from ({rows})")
    db.run(f"""
        create or replace temp table wide as
        select {source.tuple} as tuple, *
        from (
            select
                {source.names},
                min({{'at_us': at_us, 'row_id': row_id}}) as first,
                max(at_us) as last_us
            from ({rows})
            group by {source.names}
        )
    """)
    db.run(f"insert into new_tuples select tuple, {place}, first, last_us from wide")
    for type_, rule in enumerate(rules.identifiers):
        if rule.name in source.identifiers:
            _take_identifier(db, type_, rule, rules.is_barred(source.name, rule.name))
    db.run("drop table wide")


def _take_identifier(db: Database, type_: int, rule: Identifier, is_barred: bool) -> None:
    join, normalised = "", "written"
    if rule.normalise == "lower":
        normalised = "lower(written)"
    elif rule.normalise == "phone":
        _parse_phones(db, rule)
        join, normalised = "left join numbers using (written)", "coalesce(number, written)"
    reason = f"'{BARRED}'" if is_barred else f"case when {_is_blocked(rule)} then '{BLOCKED}' end"
    db.run(f"""
        insert into new_ties
        select
            tuple,
            {number(f"'{rule.name}', value")},
            {type_},
            value,
            case when written <> value then written end,
            {reason}
        from (
            select tuple, written, {normalised} as value
            from (select tuple, nullif(trim({rule.name}), '') as written from wide)
            {join}
            where written is not null
        )
    """)


def _is_blocked(rule: Identifier) -> str:
    tests = [f"regexp_matches(value, {text(p)})" for p in rule.blocked_patterns]
    if rule.blocked_values:
        values = ", ".join(text(value) for value in rule.blocked_values)
        tests.append(f"lower(value) in ({values})")
    return " or ".join(tests) or "false"


def _parse_phones(db: Database, rule: Identifier) -> None:
    """Temp table numbers (written, number) in E.164; what is no valid number has no row in it."""
    import pyarrow as pa

    select = f"select distinct trim({rule.name}) as written from wide where {rule.name} is not null"
    written = db.read(select).column("written")
    numbers = pa.array([e164(text, rule.region) for text in written.to_pylist()], pa.string())
    with db.lent("numbers_read", pa.table({"written": written, "number": numbers})):
        db.run("create or replace temp table numbers as from numbers_read where number is not null")
