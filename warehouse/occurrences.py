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
        """SELECT of its rows that bear identifiers: tuple, at_us, row_id, each identifier as text,
        and the number of each text.
        """
        texts = ", ".join(f"cast({name} as varchar) as {name}" for name in self.identifiers)
        spellings = ", ".join(
            f"{_spelling(name, name)} as {column}"
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
            [_spelling(name, f"cast({name} as varchar)") for name in self.identifiers]
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


def number(of: str) -> str:
    """SQL for the number of some values: a positive bigint."""
    return f"cast(hash({of}) >> 1 as bigint)"


def _spelling(name: str, text: str) -> str:
    """SQL for the number of a text; where it is as rules want it, that of the identifier too."""
    return f"case when {text} is not null then {_node(name, text)} end"


def _node(name: str, value: str) -> str:
    """SQL for the number of an identifier."""
    return number(f"'{name}', {value}")


MARK = number("row_id, tuple, at_us")
DIGEST = f"""
    select source, at_us // {DAY_US} as day, count(*) as row_count, sum({MARK}) as marks
"""

# An identifier of a tuple: by its spelling, unless that is odd.
NODE = """
    case when odd_{type}.spelling is null then {column}
        when not odd_{type}.is_blocked then odd_{type}.node end
"""
SPELLED = """
    left join (from odd where type = {type}) as odd_{type} on odd_{type}.spelling = {column}
"""


def read_all(db: Database, inputs: Sequence[Input], rules: Rules) -> None:
    """Take every row for new; see `read_new` for the temp tables this makes."""
    _empty(db)
    for place, source in enumerate(inputs):
        db.run(f"create or replace temp view news_{place} as {source.rows}")
    _take(db, dict(enumerate(inputs)), rules)
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
    _take(db, changed, rules)


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


def _take(db: Database, changed: Mapping[int, Input], rules: Rules) -> None:
    """Each text once, whichever the source, and then tuples in numbers alone."""
    for type_, rule in enumerate(rules.identifiers):
        bearing = [place for place, source in changed.items() if rule.name in source.identifiers]
        if bearing:
            _take_texts(db, type_, rule, bearing)
    for place, source in changed.items():
        db.run(f"insert into fresh select {place}, tuple, at_us, row_id from news_{place}")
        _take_tuples(db, place, source, rules)


def _take_texts(db: Database, type_: int, rule: Identifier, bearing: Sequence[int]) -> None:
    """Into `odd` those that are not as rules want them, with the node that they mean, or none where
    nothing is left of a text; into `new_names` the identifiers.
    """
    texts = " union all ".join(f"select {rule.name} as text from news_{n}" for n in bearing)
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
        select {type_}, {_spelling(rule.name, "text")}, text,
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
        tests.append(f"lower(value) in ({values})")
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


def _take_tuples(db: Database, place: int, source: Input, rules: Rules) -> None:
    numbers = ", ".join(source.numbers)
    db.run(f"""
        create or replace temp table wide as
        select {source.tuple_of(source.numbers)} as tuple, *
        from (
            select {numbers}, min({{'at_us': at_us, 'row_id': row_id}}) as first,
                max(at_us) as last_us
            from news_{place}
            group by {numbers}
        )
    """)
    nodes, spelled = [], []
    for column, name in zip(source.numbers, source.identifiers, strict=True):
        type_, is_barred = rules.names.index(name), rules.is_barred(source.name, name)
        (_bar if is_barred else _spell)(db, type_, column)
        nodes.append("null" if is_barred else NODE.format(type=type_, column=column))
        spelled.append(SPELLED.format(type=type_, column=column))
    db.run(
        f"insert into new_tuples select tuple, {place}, first, last_us, [{', '.join(nodes)}]"
        f" from wide {' '.join(spelled)}"
    )
    db.run("drop table wide")


def _spell(db: Database, type_: int, column: str) -> None:
    """What is said of tuples whose texts are odd."""
    spelled = f"wide join odd on odd.type = {type_} and odd.spelling = {column}"
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


def _bar(db: Database, type_: int, column: str) -> None:
    db.run(f"""
        insert into new_blocked
        select tuple, {type_}, coalesce(odd.value, named.value), '{BARRED}'
        from wide
        left join (from odd where type = {type_}) as odd on odd.spelling = {column}
        left join (from new_names where type = {type_}) as named on named.node = {column}
        where coalesce(odd.value, named.value) <> ''
    """)
