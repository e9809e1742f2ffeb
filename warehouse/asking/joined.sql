-- One row per identifier that lines of identity.toml join to others: those of one `stand` are one.
create or replace view identity.joined as
with others as (
    select distinct stand from stitching.nodes where node <> stand
)
select
    kinds.name as type,
    nodes.value,
    nodes.stand
from stitching.nodes as nodes
semi join others using (stand)
join stitching.kinds as kinds using (type)
