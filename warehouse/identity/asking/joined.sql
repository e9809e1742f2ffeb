-- One row per identifier that lines of identity.toml join to others: those of one `stand` are one.
create or replace view identity.joined as
select
    kinds.name as type,
    nodes.value,
    joined.stand
from stitching.joined as joined
join stitching.nodes as nodes using (node)
join stitching.kinds as kinds on kinds.type = nodes.type
