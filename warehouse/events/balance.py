"""Whether the sums add up: every line of every file, and every row of every typed table."""

from warehouse.database import Database

# What the list of files says against itself, and against the rows that are really there. A file
# that is read up to a place has that many lines; a batch counts as many as it has messages.
FILES = """
with stored_of as (
    select _file as file, count(*) as row_count from {schema}.calls group by _file
),
quarantined_of as (
    select file, count(*) as row_count from {schema}.quarantine group by file
),
said as (
    select
        file,
        sum(last_line - after_line + unfolded_count - blank_count) as read_count,
        sum(line_count) as line_count,
        sum(stored_count) as stored_count,
        sum(duplicate_count) as duplicate_count,
        sum(quarantined_count) as quarantined_count,
        sum(blocked_count) as blocked_count
    from {schema}.files
    group by file
)
select
    said.* exclude (file),
    coalesce(stored_of.row_count, 0),
    coalesce(quarantined_of.row_count, 0),
    said.file
from said
left join stored_of using (file)
left join quarantined_of using (file)
where line_count <> read_count
    or line_count <> stored_count + duplicate_count + quarantined_count + blocked_count
    or stored_count <> coalesce(stored_of.row_count, 0)
    or quarantined_count + blocked_count <> coalesce(quarantined_of.row_count, 0)
order by said.file
"""
TABLES = """
with said as (
    select table_name, row_count from {schema}.filled where type is not null
),
there as (
    select _table as table_name, count(*) as row_count
    from {schema}.calls where _table is not null group by _table
)
select table_name, coalesce(said.row_count, 0), coalesce(there.row_count, 0)
from said full join there using (table_name)
where said.row_count is distinct from there.row_count
order by table_name
"""


def unbalanced(db: Database, schema: str = "events") -> list[str]:
    """What is not accounted for, each in a sentence."""
    files = [
        f"{file}: {read} lines read, {lines} counted: {stored} stored, {duplicate} duplicate,"
        f" {quarantined} quarantined, {blocked} blocked; there are {rows} of them in calls and"
        f" {held} in quarantine"
        for read, lines, stored, duplicate, quarantined, blocked, rows, held, file in db.run(
            FILES.format(schema=schema)
        )
    ]
    tables = [
        f"{schema}.{table} has {rows} rows of the {calls} in calls"
        for table, rows, calls in db.run(TABLES.format(schema=schema))
    ]
    return files + tables
