-- One row per identifier: the profile that it came to first, and the row that brought it.
-- https://www.twilio.com/docs/segment/unify/profiles-sync/tables
-- key: external_id_hash
-- materialized: view
select
    sha1(held.type || held.value) as external_id_hash, -- with nothing between the two, as Segment does
    held.type as external_id_type,
    held.value as external_id_value,
    md5(held.type || ':' || held.value) as id,
    coalesce(firsts.first_profile_id, held.profile_id) as segment_id, -- what became of it stands in id_graph
    coalesce(epoch_us(held.first_seen_at), 0) as seq,
    held.first_seen_at as timestamp,
    coalesce(events.received_at, held.first_seen_at) as received_at,
    coalesce(events.received_at, held.first_seen_at) as uuid_ts,
    held.row_id as triggering_event_id,
    events.event_name as triggering_event_name,
    coalesce(events.event_type, held.source) as triggering_event_type, -- of a record that is no event: its table
    split_part(held.source, '__', 1) as triggering_event_source_id,
    split_part(held.source, '__', 1) as triggering_event_source_name,
    split_part(held.source, '__', 1) as triggering_event_source_slug
from identity.identifiers as held
left join identity.first_profiles as firsts using (type, value)
left join staging.events__events as events
    on held.source = 'events__events' and events.event_id = held.row_id
