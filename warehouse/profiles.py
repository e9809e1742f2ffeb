"""The wide row: everything known of a person, put together out of all traits found on disk."""

from collections.abc import Mapping, Sequence

from warehouse.identity.rules import Rules
from warehouse.mistakes import Mistake
from warehouse.model import Model, written

OWN = ("profile_id", "created_at", "last_seen_at")


def model(
    traits: Sequence[Model],
    columns_of: Mapping[str, Sequence[str]],
    rules: Rules,
    wrong: list[Mistake],
) -> Model:
    """profiles.profiles: one column per kind of identifier, then the columns of every trait.

    Of several values of an identifier the first seen is shown: it does not change when another
    comes, so it may serve as the key of a sync.
    """
    taken = dict.fromkeys([*OWN, *rules.names], "profiles.profiles itself")
    joins, columns = [], []
    for trait in traits:
        names = columns_of[trait.table]
        if "profile_id" not in names:
            wrong.append(trait.mistake(1, "a trait must have the column profile_id"))
        joins.append(f"left join {trait.table} as {trait.name} using (profile_id)")
        for name in names:
            if name in taken and name != "profile_id":
                wrong.append(trait.mistake(1, f"{name} is taken: {taken[name]} has it already"))
            elif name != "profile_id":
                taken[name] = trait.table
                columns.append(f"{trait.name}.{name}")
    identifiers = ", ".join(
        f"arg_min(value, first_seen_at) filter (where type = '{name}') as {name}"
        for name in rules.names
    )
    own = "profile_id, person.created_at, person.last_seen_at"
    held = ", ".join(f"held.{name}" for name in rules.names)
    select = f"""
with held as (
    select profile_id, {identifiers}
    from identity.identifiers
    group by profile_id
)
select {", ".join([own, held, *columns])}
from identity.profiles as person
join held using (profile_id)
{" ".join(joins)}
"""
    return written(
        "profiles", "profiles", "One row per person: all that is known.", select, "profile_id"
    )
