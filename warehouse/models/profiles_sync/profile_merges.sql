-- One row per profile that ever was: what it went into, or itself where it still stands.
-- https://www.twilio.com/docs/segment/unify/profiles-sync/tables
-- key: segment_id
-- materialized: view
select
    graph.canonical_segment_id,
    graph.segment_id,
    updates.seq,
    updates.received_at,
    updates.uuid_ts,
    updates.timestamp
from profiles_sync.id_graph as graph
join profiles_sync.id_graph_updates as updates using (segment_id, canonical_segment_id)
