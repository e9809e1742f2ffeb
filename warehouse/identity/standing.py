"""What became of identifiers and profiles, in numbers. Tuples and profiles go by places, so almost
all of it is found in arrays, without a join.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warehouse.database import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Who holds identifiers of components that break a limit, replay alone knows; and what is joined by
# hand came to a profile when the first of it did.
OTHERS = """
    select seen.node, seen.type, homes.tuple as first_tuple, component,
        case when is_over then held.profile else homes.profile end as founder,
        case when is_over then held.number else homes.number end as profile,
        case when is_over then coalesce(first.first_number, attached.number)
            else joined_homes.first_number end as first_profile,
        last_us
    from seen
    semi join other_nodes using (node)
    join homes on place = first_place
    left join (from replayed_holders join named using (profile)) as held
        on held.stand = seen.stand
    left join (from replayed_attached join named using (profile)) as attached
        on attached.stand = seen.stand
    left join resumed_firsts as first on first.stand = seen.stand
    left join (
        select stand, first_number
        from stands
        semi join joined using (stand)
        join homes on place = first_place
    ) as joined_homes on joined_homes.stand = seen.stand
"""


def find(db: Database, homes: "Mapping[str, NDArray[Any]]") -> None:
    """Out of what `contested.find` says of each tuple, and temp table named, these:

    homes: as there, with the numbers of profiles, number and first_number;
    standing (node, type, first_tuple, component, profile, first_profile, last_us);
    left_profiles: stitching.profiles as this run leaves it;
    numbered_merges (component, from_profile, into_profile, tied_at): where limits are kept;
    `tied_at` is the row of the tuple in counted_tuples.
    """
    import numpy as np

    named = db.arrays("select profile, number from named")
    numbers = np.zeros(len(homes["place"]), dtype=np.int64)
    numbers[named["profile"]] = named["number"]
    of_profiles = {"number": "profile", "first_number": "first_profile"}
    homes = {**homes, **{name: numbers[homes[of]] for name, of in of_profiles.items()}}
    db.keep("homes", homes)
    rows = np.empty_like(homes["place"])
    rows[homes["place"]] = np.arange(len(rows), dtype=np.int32)
    _profiles(db, homes, rows, numbers, _stand(db, homes, rows))
    merges = db.arrays("from simple_merges")
    ends = {name: numbers[merges[name]] for name in ("from_profile", "into_profile")}
    component = homes["component"][rows[merges["from_profile"]]]
    at = rows[merges["place"]]
    db.keep("numbered_merges", {"component": component, **ends, "tied_at": at})


def _stand(
    db: Database, homes: "Mapping[str, NDArray[Any]]", rows: "NDArray[np.int32]"
) -> "Mapping[str, NDArray[Any]]":
    """Temp table standing; of each identifier that is held, the `founder` of the profile that holds
    it, by place, and `last_us`.
    """
    import numpy as np

    seen = db.arrays("select node, type, first_place, last_us from seen")
    at = rows[seen["first_place"]]
    by_hand = np.isin(seen["node"], db.arrays("select node from joined")["node"])
    is_other = homes["is_over"][at] | by_hand
    at, plain = at[~is_other], {name: of[~is_other] for name, of in seen.items()}
    db.keep("other_nodes", {"node": seen["node"][is_other]})
    db.temp("others", OTHERS)
    columns = {
        "first_tuple": "tuple",
        "component": "component",
        "profile": "number",
        "first_profile": "first_number",
    }
    plain_standing = {
        "node": plain["node"],
        "type": plain["type"],
        **{name: homes[of][at] for name, of in columns.items()},
        "last_us": plain["last_us"],
    }
    db.keep("plain", plain_standing)
    db.run("""
        create or replace temp view standing as
        from plain union all by name select * exclude (founder) from others
    """)
    others = db.arrays("select founder, last_us from others where founder is not null")
    return {
        "founder": np.concatenate([homes["profile"][at], others["founder"]]),
        "last_us": np.concatenate([plain["last_us"], others["last_us"]]),
    }


def _profiles(
    db: Database,
    homes: "Mapping[str, NDArray[Any]]",
    rows: "NDArray[np.int32]",
    numbers: "NDArray[np.int64]",
    held: "Mapping[str, NDArray[Any]]",
) -> None:
    import numpy as np

    counted = db.arrays("from merge_counts")
    merges = np.zeros(len(rows), dtype=np.int64)
    np.add.at(merges, counted["profile"], counted["merge_count"])
    sizes = np.bincount(held["founder"], minlength=len(rows))
    last = np.full(len(rows), np.iinfo(np.int64).min)
    np.maximum.at(last, held["founder"], held["last_us"])
    [places] = sizes.nonzero()
    at = rows[places]
    db.keep(
        "left_profiles",
        {
            "profile": numbers[places],
            "component": homes["component"][at],
            "tuple": homes["tuple"][at],
            "first_us": db.arrays("select first.at_us as first_us from tuples")["first_us"][at],
            "last_us": last[places],
            "identifier_count": sizes[places],
            "merge_count": merges[places],
        },
    )
