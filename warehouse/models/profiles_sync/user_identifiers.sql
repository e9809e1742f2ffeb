-- One row per identifier, with the profile that holds it now.
-- https://www.twilio.com/docs/segment/unify/profiles-sync/tables
-- key: id
-- materialized: view
select
    held.profile_id as canonical_segment_id,
    held.type,
    held.value,
    mapped.external_id_hash as id,
    mapped.seq,
    mapped.received_at,
    mapped.uuid_ts,
    mapped.timestamp
from identity.identifiers as held
join profiles_sync.external_id_mapping_updates as mapped
    on mapped.external_id_type = held.type and mapped.external_id_value = held.value
