"""From staging rows to numbers: which identifiers stand on which row, normalised and unblocked.

Rows are many and the texts they bear are few; turning text into numbers is most of the cost of
identity. So each distinct text is looked at once, and everything else works on integers: a row, a
tuple and an identifier go by 63 bits of DuckDB's hash of what they say, so that a number needs no
looking up. Where two identifiers have the same number, which in one of some hundred thousand
warehouses they do, `affected` finds it and stops.

A run reads staging once to see, by source and day, what has changed since the last, and then only
the rows of those days (`Reading`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse.database import Database
from warehouse.identity import memory, spelled
from warehouse.identity.rules import Rules
from warehouse.identity.spelled import number

# Where a staging row does not know its time, it comes last, so that it never is the oldest.
NO_TIME = "timestamptz '9999-12-31 00:00:00+00'"
DAY_US = 24 * 60 * 60 * 1_000_000


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

    def rows(self, staged: str) -> str:
        """SELECT of its rows: position, tuple, at_us, row_id, and each identifier as text."""
        texts = ", ".join(f"cast({name} as varchar) as {name}" for name in self.identifiers)
        return f"""
            select rowid as position, {self.tuple} as tuple, {self.at_us} as at_us,
                cast({self.key} as varchar) as row_id, {texts}
            from {staged}
        """

    def rows_since(self, staged: str, at_us: int) -> str:
        """Those of this time and later, or of none: DuckDB then skips what is older unread."""
        since = f"{self.time} >= make_timestamptz({at_us}) or {self.time} is null"
        return f"{self.rows(staged)} where {since}"

    @property
    def tuple(self) -> str:
        """SQL for the number of what a staging row bears, as it is written there."""
        texts = ", ".join(f"cast({name} as varchar)" for name in self.identifiers)
        return number(f"'{self.name}', {texts}")

    @property
    def is_bearing(self) -> str:
        """SQL for whether one of `rows` bears any."""
        return f"coalesce({', '.join(self.identifiers)}) is not null"

    @property
    def numbers(self) -> list[str]:
        """What the numbers of its texts are called."""
        return [f"number_{place}" for place in range(len(self.identifiers))]

    @property
    def at_us(self) -> str:
        return f"epoch_us(coalesce(cast({self.time} as timestamptz), {NO_TIME}))"

    @property
    def mark(self) -> str:
        """SQL for the number of a row, where `tuple_number` is that of its tuple."""
        return number(f"cast({self.key} as varchar), tuple_number, {self.at_us}")


MARK = number("row_id, tuple, at_us")
DIGEST = f"""
    select source, at_us // {DAY_US} as day, count(*) as row_count, sum({MARK}) as marks
"""
# A tuple that the last run knew need not be spelled again.
AGAIN = """
    select tuple, heads.source, {'at_us': heads.first_us, 'row_id': row_id} as first, heads.last_us,
        nodes, component, profile,
        {'at_us': known.first_us, 'row_id': first_row_id} as first_before
    from heads
    join (select source, position, row_id from fresh) using (source, position)
    join stitching.tuples as known using (tuple)
"""


def read_all(db: Database, inputs: Sequence[Input], rules: Rules) -> None:
    """Take every row for new; see `read_new` for the temp tables this makes."""
    _empty(db)
    for place, source in enumerate(inputs):
        rows = source.rows(_staged(db, place, source))
        db.run(f"create or replace temp view news_{place} as {rows}")
    _take(db, dict(enumerate(inputs)), rules, full=True)
    db.run(f"insert into days {DIGEST} from fresh group by all")


def read_new(db: Database, inputs: Sequence[Input], rules: Rules) -> None:
    """What has changed since the run that left stitching.*, as temp tables:

    fresh (source, tuple, at_us, row_id): rows that are new; one that changed is new, and gone;
    gone (mark, tuple): rows that are no more;
    new_tuples (tuple, source, first, last_us, nodes): distinct tuples of the fresh rows, with the
    first of them as {at_us, row_id}; `nodes` are the identifiers that may tie, in the order of the
    source's columns, with null for the others.

    again: those that the last run knew, with component, profile and first_before as it left them;
    of the others:
    new_names (node, type, value): these identifiers;
    new_writings (tuple, node, written): where normalising changed one;
    new_blocked (tuple, type, value, reason): the others, that must not tie;

    days (source, day, row_count, marks): what staging has, for the next run.
    """
    _empty(db)
    changed = {n: source for n, source in enumerate(inputs) if _has_changed(db, n, source)}
    _take(db, changed, rules, full=False)


def _take(db: Database, changed: Mapping[int, Input], rules: Rules, *, full: bool) -> None:
    """Out of news_<place>: rows, their tuples, and what is said of those that are new."""
    memory.allow(db, sum(db.count(f"news_{place}") for place in changed))
    for place, source in changed.items():
        db.run(
            f"insert into fresh select {place}, tuple, at_us, row_id, position from news_{place}"
            f" where {source.is_bearing}"
        )
    _find_heads(db)
    if not full:
        db.temp("again", AGAIN)
        db.run("insert into new_tuples select tuple, source, first, last_us, nodes from again")
        db.run("delete from heads where tuple in (select tuple from again)")
    db.run("alter table fresh drop column position")
    spelled.take(db, changed, rules)


def _find_heads(db: Database) -> None:
    """Temp table heads (tuple, source, first_us, last_us, position): where the first row of each
    tuple is, by time and row id.
    """
    db.temp(
        "times",
        "select tuple, min(at_us) as first_us, max(at_us) as last_us from fresh group by tuple",
    )
    db.temp(
        "heads",
        """
        select tuple, source, first_us, last_us, position
        from fresh
        join times using (tuple)
        where at_us = first_us
        """,
    )
    # To ask each row for time and id costs much more, and two of one moment are rare.
    if db.count("heads") > db.count("times"):
        db.temp(
            "heads",
            """
            select heads.*
            from heads
            join (select source, position, row_id from fresh) using (source, position)
            qualify row_number() over (partition by tuple order by row_id) = 1
            """,
        )
    db.run("drop table times")


def _staged(db: Database, place: int, source: Input) -> str:
    """The table that has its rows, numbered; a view has no numbers, and is worked out once."""
    is_view = db.value(
        "select count(*) from duckdb_views() where database_name = current_database()"
        " and schema_name = 'staging' and view_name = ?",
        [source.name],
    )
    if not is_view:
        return f"staging.{source.name}"
    columns = ", ".join({source.key: 0, source.time: 0, **dict.fromkeys(source.identifiers, 0)})
    db.temp(f"staged_{place}", f"select {columns} from staging.{source.name}")
    return f"staged_{place}"


def _has_changed(db: Database, place: int, source: Input) -> bool:
    """If so, temp table news_<place> has the new rows of the source."""
    staged = _staged(db, place, source)
    rows = f"(select {place} as source, * from ({source.rows(staged)}) where {source.is_bearing})"
    db.run(f"insert into days {DIGEST} from {rows} group by all")
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
    first = db.value("select min(day) from changed")
    if first is not None:
        _compare(db, place, source, source.rows_since(staged, first * DAY_US))
    return first is not None


def _compare(db: Database, place: int, source: Input, rows: str) -> None:
    """Rows of the changed days, against those that the last run saw of them."""
    db.run(f"""
        create or replace temp table there as
        select {MARK} as mark, * from ({rows})
        where {source.is_bearing} and at_us // {DAY_US} in (from changed)
    """)
    db.run(f"""
        create or replace temp table known as
        select {MARK} as mark, tuple
        from stitching.rows
        where source = {place} and at_us // {DAY_US} in (from changed)
    """)
    db.run("insert into gone select * from known anti join there using (mark)")
    db.temp(f"news_{place}", "from there anti join known using (mark)")


def _empty(db: Database) -> None:
    for table, columns in {
        "fresh": "source integer, tuple bigint, at_us bigint, row_id varchar, position bigint",
        "gone": "mark bigint, tuple bigint",
        "new_tuples": "tuple bigint, source integer,"
        " first struct(at_us bigint, row_id varchar), last_us bigint, nodes bigint[]",
        "new_names": "node bigint, type integer, value varchar",
        "new_writings": "tuple bigint, node bigint, written varchar",
        "new_blocked": "tuple bigint, type integer, value varchar, reason varchar",
        "odd": "type integer, spelling bigint, text varchar, node bigint, value varchar,"
        " is_blocked boolean",
        "days": "source integer, day bigint, row_count bigint, marks hugeint",
    }.items():
        db.run(f"create or replace temp table {table} ({columns})")
