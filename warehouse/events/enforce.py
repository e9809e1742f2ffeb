"""What follows from a tracking plan: properties are omitted, events blocked, violations counted."""

from warehouse.database import Database
from warehouse.events import plan as plans
from warehouse.events.plan import Plan

NOTHING = "create or replace temp table blocked (n bigint, code varchar, reason varchar)"
# By the names of Segment's reasons to discard an event at its source.
# https://www.twilio.com/docs/segment/connections/delivery-overview
BLOCKED = """
create or replace temp table blocked as
select
    n,
    case
        when bool_and(starts_with(kind, 'unplanned')) then 'unplanned'
        when bool_or(starts_with(kind, 'unplanned')) then 'unplanned_and_schema_violation'
        else 'schema_violation'
    end as code,
    string_agg(message, '; ' order by message) as reason
from plan_violations where action = 'block'
group by n
"""
# What is taken out of an event stays with it, in `_extra`. A JSON pointer finds any key.
OMITTED = """
create or replace temp table omitted as
select
    n,
    json_group_object(omitted, null) as without,
    json_group_object(omitted, json_extract(
        coalesce(properties, traits),
        '/' || replace(replace(omitted, '~', '~0'), '/', '~1')
    )) as values
from (select distinct n, omitted from plan_violations where action = 'omit') join calls_in using (n)
group by n
"""
OMIT = """
update calls_in set
    properties = case when properties is not null then json_merge_patch(properties, without) end,
    traits = case when traits is not null then json_merge_patch(traits, without) end,
    _extra = json_merge_patch(coalesce(_extra, '{}'), json_object('omitted', values))
from omitted where calls_in.n = omitted.n
"""
NOT_COUNTED = """
delete from plan_violations
where n not in (select n from verdicts where verdict in ('stored', 'blocked'))
"""


def judge(db: Database, plan: Plan | None) -> None:
    """Makes `blocked`, and takes out of `calls_in` what is omitted."""
    db.run(NOTHING)
    if plan is None:
        return
    plans.judge(db, plan)
    db.run(BLOCKED)
    db.run(OMITTED)
    if db.count("omitted"):
        db.run(OMIT)


def count(db: Database, schema: str) -> None:
    """What was said of the messages that came in, or were kept from it."""
    db.run(NOT_COUNTED)
    plans.record(db, schema)
