"""A staging table of rows with identifiers, as many (row, identifier) pairs as asked for.

A person of each twelve rows: a user id for eight of ten, one e-mail address or two, a phone, one
device to three. Of ten rows four are an anonymous visit, the others have a user id, where there is
one, and two an e-mail address, in either case. One person of fifty, and so 2 % of the rows, shares
a kiosk's device with nineteen others, which breaks the limit of one user id; one user id of a
thousand is `null`. The second day has one row for each hundred, of old people and of new ones.
"""

import argparse
import json
from pathlib import Path

from warehouse.database import Database, connect

PAIRS_A_ROW = 1.65
ROWS_A_PERSON = 12
DAY_US = 86_400_000_000
ROWS = """
    with numbered as (
        select i, hash(i, 1) as a, hash(i, 2) as b, hash(i, 3) as c, hash(i, 4) as d
        from range({start}, {stop}) as numbers (i)
    ),
    drawn as (
        select i, d, cast(a % {people} as bigint) as person, cast(b % 1000 as int) as kind,
            cast(c % 1000 as int) as chance
        from numbered
    )
    select
        'm' || lpad(cast(i as varchar), 12, '0') as event_id,
        make_timestamptz(cast({since_us} + d % {span_us} as bigint)) as occurred_at,
        case
            when kind < 400 or hash(person, 9) % 10 >= 8 then null
            when chance = 999 then 'null'
            else 'user-' || person
        end as user_id,
        case
            when kind < 800 then null
            when chance % 2 = 0 then 'Person' || person || '@Example.com'
            else 'person' || person || case when chance < 100 then '.b' else '' end
                || '@example.com'
        end as email,
        case when kind >= 950 then '+1650' || lpad(cast(person as varchar), 7, '0') end as phone,
        case
            when kind >= 920 then null
            when person % 50 = 0 and chance % 10 = 0 then 'kiosk-' || (person // 1000)
            else 'device-' || hash(person, case when chance < 800 then 0 else chance % 3 end)
        end as anonymous_id
    from drawn
"""
COUNT = """
    select count(user_id) + count(email) + count(phone) + count(anonymous_id)
    from staging.app__events
"""


def write(warehouse: Path, pairs: int) -> int:
    """staging.app__events of a year; the number of pairs."""
    rows = int(pairs / PAIRS_A_ROW)
    since, span = 1_735_689_600_000_000, 365 * DAY_US
    return _write(
        warehouse,
        "create or replace table",
        "as",
        ROWS.format(start=0, stop=rows, people=rows // ROWS_A_PERSON, since_us=since, span_us=span),
    )


def write_day(warehouse: Path, pairs: int) -> int:
    """One row more for each hundred, of the day after."""
    rows = int(pairs / PAIRS_A_ROW)
    since = 1_735_689_600_000_000 + 365 * DAY_US
    people = rows // ROWS_A_PERSON * 101 // 100
    return _write(
        warehouse,
        "insert into",
        "",
        ROWS.format(
            start=rows, stop=rows + rows // 100, people=people, since_us=since, span_us=DAY_US
        ),
    )


def _write(warehouse: Path, verb: str, link: str, rows: str) -> int:
    with connect(warehouse) as db:
        db.run("create schema if not exists staging")
        db.run(f"{verb} staging.app__events {link} {rows}")
        return _pairs(db)


def _pairs(db: Database) -> int:
    return int(db.value(COUNT))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.identity_data", description=__doc__)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("pairs", type=int)
    parser.add_argument("--day", action="store_true", help="add the second day")
    given = parser.parse_args()
    print(json.dumps({"pairs": (write_day if given.day else write)(given.warehouse, given.pairs)}))
