"""A tracking plan: what the calls of a source should look like, and what becomes of those that do
not. Segment sells it as Protocols: https://www.twilio.com/docs/segment/protocols

`judge` says of every call in `calls_in` what is wrong with it, by a statement or two for each
rule; `record` counts that in the table `violations`.
"""

from collections.abc import Iterator

from warehouse.database import Database
from warehouse.events.plan.files import Plan, read
from warehouse.events.plan.level import Level
from warehouse.events.plan.rules import Rule, inner
from warehouse.events.plan.sql import levels
from warehouse.events.tables import BY_CALL
from warehouse.quoting import text

__all__ = ["Plan", "judge", "make_table", "read", "record"]

# `omitted` is the property to take out, where that is the action.
FOUND = """
create or replace temp table plan_violations (
    n bigint, kind varchar, field varchar, message varchar, action varchar, omitted varchar
)"""
SUSPECTS = "create or replace temp table plan_suspects (n bigint, level integer)"
VIOLATIONS = """
create table if not exists {schema}.violations (
    type varchar,
    event_text varchar,
    field varchar,
    kind varchar,
    occurred_on date,
    violation_count bigint,
    first_seen_at timestamptz,
    last_seen_at timestamptz,
    example_id varchar,
    example_message varchar
)"""
# An event or a field may be null, as in no primary key. A call that came twice counts once.
RECORD = """
merge into {schema}.violations as known
using (
    select
        type, event_text, field, kind,
        cast(timestamp as date) as occurred_on,
        count(distinct n) as violation_count,
        min(timestamp) as first_seen_at,
        max(timestamp) as last_seen_at,
        arg_max(id, (timestamp, n)) as example_id,
        arg_max(message, (timestamp, n)) as example_message
    from plan_violations
    join calls_in using (n)
    group by all
) as new
on known.type = new.type
    and known.event_text is not distinct from new.event_text
    and known.field is not distinct from new.field
    and known.kind = new.kind
    and known.occurred_on is not distinct from new.occurred_on
when matched then update set
    violation_count = known.violation_count + new.violation_count,
    first_seen_at = least(known.first_seen_at, new.first_seen_at),
    last_seen_at = greatest(known.last_seen_at, new.last_seen_at),
    example_id = if(new.last_seen_at >= known.last_seen_at, new.example_id, known.example_id),
    example_message =
        if(new.last_seen_at >= known.last_seen_at, new.example_message, known.example_message)
when not matched then insert
"""
VERSION = "cast(json_extract(context, '/protocols/event_version') as varchar)"


def judge(db: Database, plan: Plan) -> None:
    """Make `plan_violations` of `calls_in`; a field of a call is there once for a kind."""
    db.run(FOUND)
    db.run(SUSPECTS)
    for number, level in enumerate(_levels(db, plan)):
        if db.value(f"insert into plan_suspects select n, {number} from ({level.find()})"):
            suspects = f"select n from plan_suspects where level = {number}"
            for told in level.tell(f"(select * from calls_in where n in ({suspects}))"):
                db.run(f"insert into plan_violations {told}")
    if plan.on_unplanned_event == "block":
        db.run(_unplanned_events(plan))


def make_table(db: Database, schema: str) -> None:
    db.run(VIOLATIONS.format(schema=schema))


def record(db: Database, schema: str) -> None:
    """Add what `judge` found to what is known of earlier loads."""
    db.run(RECORD.format(schema=schema))


def _levels(db: Database, plan: Plan) -> Iterator[Level]:
    """What to look at, for the rules of events that are there."""
    here = db.run("select distinct type, event_text from calls_in where code is null")
    calls = {(call, name if call == "track" else None) for call, name in here}
    for rule in plan.rules:
        if rule.call is None or (rule.call, rule.name if rule.call == "track" else None) in calls:
            yield from levels(rule, _where(rule, plan), _planned(rule, plan))


def _where(rule: Rule, plan: Plan) -> str:
    """Its calls. A call of no version, or of one that is not there, is held to the oldest.

    https://segment.com/docs/protocols/tracking-plan/create/#tracking-plan-event-versioning
    """
    conditions = ["code is null"]
    if rule.call:
        conditions.append(f"type = {text(rule.call)}")
    if rule.name is not None:
        column = "event_text" if rule.call == "track" else "name"
        conditions.append(f"{column} = {text(rule.name)}")
    oldest, *newer = plan.versions[rule.call, rule.name]
    if newer:
        others = ", ".join(f"'{version}'" for version in newer)
        conditions.append(
            f"coalesce({VERSION} not in ({others}), true)"
            if rule.version == oldest
            else f"{VERSION} = '{rule.version}'"
        )
    return " and ".join(conditions)


def _planned(rule: Rule, plan: Plan) -> set[str]:
    """The properties or traits that are in the plan: the rule's, and those common to all calls."""
    body = BY_CALL[rule.call].fields if rule.call else ""
    stated = (
        inner(one.schema.get("properties", {}).get(body, {})).get("properties", {})
        for one in (rule, *(one for one in plan.rules if one.call is None))
    )
    return {name for names in stated for name in names}


def _unplanned_events(plan: Plan) -> str:
    names = [text(rule.name) for rule in plan.rules if rule.call == "track" and rule.name]
    is_unplanned = f"event_text not in ({', '.join(names)})" if names else "true"
    return f"""
        insert into plan_violations
        select
            n, 'unplanned_event', null, event_text || ' is not in the plan', 'block', null
        from calls_in
        where code is null and type = 'track' and {is_unplanned}"""
