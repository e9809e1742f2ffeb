-- One row per identifier, with the profile that it leads to now. (Where Segment takes the newest of
-- several updates of an identifier, there is only one here.)
-- https://www.twilio.com/docs/segment/unify/profiles-sync/tables
-- key: external_id_hash
-- materialized: view
select
    graph.canonical_segment_id,
    mapped.external_id_type,
    mapped.external_id_value,
    mapped.external_id_hash,
    mapped.timestamp,
    mapped.uuid_ts
from profiles_sync.external_id_mapping_updates as mapped
join profiles_sync.id_graph as graph using (segment_id)
