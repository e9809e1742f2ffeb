"""From staging rows to numbers: which identifiers stand on which row, normalised and unblocked.

Rows are many and the texts they bear are few; turning text into numbers is most of the cost of
identity. So each distinct text is looked at once, and everything else works on integers: a row, a
tuple and an identifier go by 63 bits of DuckDB's hash of what they say, so that a number needs no
looking up. Where two identifiers have the same number, which in one of some hundred thousand
warehouses they do, `affected` finds it and stops.

A run reads staging once to see, by source and day, what has changed since the last, and then only
the rows of those days (`Reading`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse import spelled
from warehouse.database import Database
from warehouse.rules import Rules
from warehouse.spelled import number, spelling

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

    @property
    def rows(self) -> str:
        """SELECT of its rows that bear identifiers: tuple, at_us, row_id, each identifier as text,
        and the number of each text.
        """
        texts = ", ".join(f"cast({name} as varchar) as {name}" for name in self.identifiers)
        spellings = ", ".join(
            f"{spelling(name, name)} as {column}"
            for name, column in zip(self.identifiers, self.numbers, strict=True)
        )
        return f"""
            select {self.tuple_of(self.numbers)} as tuple, *
            from (
                select *, {spellings}
                from (
                    select {self.at_us} as at_us, cast({self.key} as varchar) as row_id, {texts}
                    from staging.{self.name}
                )
                where coalesce({", ".join(self.identifiers)}) is not null
            )
        """

    def rows_since(self, at_us: int) -> str:
        """Those of this time and later, or of none: DuckDB then skips what is older unread."""
        since = f"{self.time} >= make_timestamptz({at_us}) or {self.time} is null"
        return self.rows.replace(
            f"from staging.{self.name}", f"from staging.{self.name} where {since}"
        )

    @property
    def numbers(self) -> list[str]:
        """The columns of `rows` with the numbers of its texts."""
        return [f"number_{place}" for place in range(len(self.identifiers))]

    @property
    def tuple(self) -> str:
        """SQL for the number of what a staging row bears."""
        return self.tuple_of(
            [spelling(name, f"cast({name} as varchar)") for name in self.identifiers]
        )

    def tuple_of(self, numbers: Sequence[str]) -> str:
        return number(f"'{self.name}', {', '.join(numbers)}")

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


def read_all(db: Database, inputs: Sequence[Input], rules: Rules) -> None:
    """Take every row for new; see `read_new` for the temp tables this makes."""
    _empty(db)
    for place, source in enumerate(inputs):
        db.run(f"create or replace temp view news_{place} as {source.rows}")
    spelled.take(db, dict(enumerate(inputs)), rules)
    db.run(f"insert into days {DIGEST} from fresh group by all")


def read_new(db: Database, inputs: Sequence[Input], rules: Rules) -> None:
    """What has changed since the run that left stitching.*, as temp tables:

    fresh (source, tuple, at_us, row_id): rows that are new; one that changed is new, and gone;
    gone (mark, tuple): rows that are no more;
    new_tuples (tuple, source, first, last_us, nodes): distinct tuples of the fresh rows, with the
    first of them as {at_us, row_id}; `nodes` are the identifiers that may tie, in the order of the
    source's columns, with null for the others;
    new_names (node, type, value): these identifiers;
    new_writings (tuple, node, written): where normalising changed one;
    new_blocked (tuple, type, value, reason): the others, that must not tie;
    days (source, day, row_count, marks): what staging has, for the next run.
    """
    _empty(db)
    changed = {n: source for n, source in enumerate(inputs) if _has_changed(db, n, source)}
    spelled.take(db, changed, rules)


def _has_changed(db: Database, place: int, source: Input) -> bool:
    """If so, temp table news_<place> has the new rows of the source."""
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
    first = db.value("select min(day) from changed")
    if first is not None:
        _compare(db, place, source.rows_since(first * DAY_US))
    return first is not None


def _compare(db: Database, place: int, rows: str) -> None:
    """Rows of the changed days, against those that the last run saw of them."""
    db.run(f"""
        create or replace temp table there as
        select {MARK} as mark, * from ({rows}) where at_us // {DAY_US} in (from changed)
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
        "fresh": "source integer, tuple bigint, at_us bigint, row_id varchar",
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
