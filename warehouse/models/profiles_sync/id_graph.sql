-- One row per profile that ever was, with the one it is now: of its updates the newest.
-- https://www.twilio.com/docs/segment/unify/profiles-sync/tables
-- key: segment_id
-- materialized: view
--
-- Of two updates at one time the one counts whose profile was not merged away itself within two
-- hours, as in Segment's own definition.
with gone as (
    select segment_id, min(timestamp) as gone_at
    from profiles_sync.id_graph_updates
    where segment_id <> canonical_segment_id
    group by segment_id
)
select
    updates.segment_id,
    updates.canonical_segment_id,
    updates.timestamp,
    updates.uuid_ts,
    current_timestamp as etl_ts,
    updates.seq
from profiles_sync.id_graph_updates as updates
left join gone on gone.segment_id = updates.canonical_segment_id
qualify row_number() over (
    partition by updates.segment_id
    order by
        case
            when updates.segment_id = updates.canonical_segment_id then 0
            when gone.gone_at <= updates.timestamp + interval 2 hour then 1
            else 2
        end desc,
        updates.seq desc,
        updates.canonical_segment_id
) = 1
