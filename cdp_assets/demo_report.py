"""What the demo shows: what came in, who is who and how true that is, what went out."""

from pathlib import Path

from rich.console import Console

from cdp_assets import table
from warehouse.database import Database

STITCHING = """
with truth as (
    select * from read_csv($truth, header = true, all_varchar = true)
),
held as (
    select person, evidence, identifier_type, truth.value, profile_id
    from truth
    join identity.identifiers on type = identifier_type and identifiers.value = truth.value
),
-- A shared device belongs to several people: a profile is pure if one person owns all it holds.
owned as (
    select profile_id, person, count(distinct (identifier_type, value)) as owned_count
    from held
    group by profile_id, person
),
purity as (
    select
        profile_id,
        max(owned_count) = (
            select count(distinct (identifier_type, value))
            from held where held.profile_id = owned.profile_id
        ) as is_pure
    from owned
    group by profile_id
),
evident as (
    select person, evidence, count(*) as size from truth group by all
),
tied as (
    select person, evidence, profile_id, count(*) as size from held group by all
)
select
    (select count(*) from purity where not is_pure) as mixed,
    (select count(*) filter (where is_pure) / count(*) from purity) as precision,
    (select sum(size * (size - 1) / 2) from tied) / (select sum(size * (size - 1) / 2) from evident)
        as recall
"""
LOADED = """
select schema_name || '.' || table_name as "table", estimated_size as "rows"
from duckdb_tables()
where schema_name in ('events', 'stripe', 'salesforce', 'google_ads', 'mixpanel')
    and table_name not like '\\_dlt%' escape '\\'
order by all
"""
LINES = """
select
    sum(line_count) as lines,
    sum(stored_count) as stored,
    sum(duplicate_count) as duplicate,
    sum(quarantined_count) as quarantined
from events.files
"""
QUARANTINE = """
select code, any_value(reason) as reason, count(*) as "lines"
from events.quarantine group by code order by 3 desc
"""
PEOPLE = """
select
    (select count(*) from identity.profiles),
    (select count(*) from identity.identifiers),
    (select count(*) from identity.merges),
    (select count(*) from identity.violations),
    (select count(*) from identity.identifiers where type = 'anonymous_id'),
    (
        select count(*)
        from identity.identifiers
        join profiles.profiles using (profile_id)
        where type = 'anonymous_id' and user_id is not null
    ),
    (
        select count(*)
        from identity.identifiers
        join profiles.profiles using (profile_id)
        where type = 'anonymous_id' and lifetime_value > 0
    )
"""
CAMPAIGNS = """
select
    campaign_name as campaign,
    cost,
    sign_up_count as "sign-ups",
    customer_count as customers,
    cost_per_customer as "cost of one"
from profiles.campaigns order by cost desc nulls last
"""
SENT = """
select
    sync,
    created as new,
    updated as changed,
    unchanged as same,
    accepted,
    rejected as refused,
    waiting
from ledger.runs
qualify row_number() over (partition by sync order by started_at desc) = 1
order by sync
"""
# The same words about different addresses are one reason.
REFUSED = """
select
    sync,
    regexp_replace(reason, '[^ "]*@[^ "]*', '…', 'g') as reason,
    count(*) as "rows",
    min(key) as "for example"
from ledger.outbox
where state = 'rejected'
group by sync, 2
order by sync, 3 desc
"""
ACCEPTED = """
with numbered as (
    select
        sync,
        accepted,
        planned = accepted + rejected + waiting as is_balanced,
        row_number() over (partition by sync order by started_at) as run
    from ledger.runs
)
select
    sync,
    any_value(accepted) filter (where run = 1) as "first run",
    any_value(accepted) filter (where run = 2) as "second run",
    any_value(accepted) filter (where run = 3) as "a day later",
    bool_and(is_balanced) as "sums add up"
from numbered
group by sync
order by sync
"""


def first_run(db: Database, truth: Path, console: Console) -> None:
    _loaded(db, console)
    _people(db, truth, console)
    title = "What a customer costs, by the campaign that brought them"
    table.show(db.connection.sql(CAMPAIGNS), console, title)
    _sent(db, console)


def later_run(db: Database, truth: Path, console: Console) -> None:
    _people(db, truth, console)
    _sent(db, console)


def summary(db: Database, truth: Path, console: Console) -> None:
    console.rule("[bold]Summary")
    _loaded(db, console)
    _people(db, truth, console)
    table.show(db.connection.sql(ACCEPTED), console, "Rows that the tools accepted")
    title = "Refused and kept, to be tried again after a pause or when they change"
    table.show(db.connection.sql(REFUSED), console, title)


def _loaded(db: Database, console: Console) -> None:
    table.show(db.connection.sql(LOADED), console, "Loaded")
    lines, stored, duplicate, quarantined = db.run(LINES)[0]
    console.print(
        f"{lines} lines of events = {stored} stored + {duplicate} duplicate"
        f" + {quarantined} quarantined\n"
    )
    title = "Quarantined, each with its file, line and text"
    table.show(db.connection.sql(QUARANTINE), console, title)


def _people(db: Database, truth: Path, console: Console) -> None:
    profiles, identifiers, merges, violations, visits, known, paying = db.run(PEOPLE)[0]
    mixed, precision, recall = db.run(STITCHING, {"truth": str(truth)})[0]
    console.print(
        f"[bold]{profiles} people[/bold] out of {identifiers} identifiers; {merges} merges; a rule"
        f" kept {violations} identifiers from tying.\n"
        f"Of {visits} anonymous browsers and devices {known} belong to a user we know, {paying} to"
        " one who pays.\n"
        f"Against the truth: precision [bold]{precision:.4f}[/bold] ({mixed} profiles mix people),"
        f" recall [bold]{recall:.4f}[/bold]\nof what the evidence allows.\n"
    )


def _sent(db: Database, console: Console) -> None:
    table.show(db.connection.sql(SENT), console, "Sent")
