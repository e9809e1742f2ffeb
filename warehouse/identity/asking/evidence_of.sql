-- One row per identifier of each distinct tuple of identifiers that bears one of these profiles', as
-- in identity.evidence, and whether it tied on the row or a rule kept it from that. It reads what
-- the views of identity are made of: on ten million rows that is the tenth of the time.
create or replace macro identity.evidence_of(profile_ids) as table
with held as (
    select node, type, value, component
    from stitching.held
    where profile_id in (select unnest(profile_ids))
),
standing as (
    select ties.tuple, held.node, held.type, held.value
    from (
        select tuple, unnest(nodes) as node
        from stitching.tuples
        where component in (select component from held)
    ) as ties
    join held using (node)
),
tuples as (
    select tuple, source, first_us, first_row_id
    from stitching.tuples
    where tuple in (select tuple from standing)
),
kept_out as (
    select distinct tuple, node, row_id
    from stitching.violations
    where tuple in (select tuple from standing)
)
select
    standing.tuple,
    kinds.name as type,
    standing.value,
    nullif(make_timestamptz(tuples.first_us), timestamptz '9999-12-31 00:00:00+00') as seen_at,
    sources.name as source,
    tuples.first_row_id as row_id,
    kept_out.node is null as is_tied
from standing
join tuples using (tuple)
join stitching.kinds as kinds on kinds.type = standing.type
join stitching.sources as sources on sources.source = tuples.source
left join kept_out
    on kept_out.tuple = standing.tuple
    and kept_out.node = standing.node
    and kept_out.row_id = tuples.first_row_id
