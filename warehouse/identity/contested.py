"""What happened in each component: whether it breaks a limit, and if not, which profiles merged.

Where the limits are kept, the merges follow from the tuples alone: a tuple belongs to the founder
of its oldest identifier, and one whose identifiers belong to several founders ties these. Tuples
go by their places, so what is known of each is an array; a profile goes by the place of its
founder, a component by that of its oldest tuple.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from warehouse.database import Database
from warehouse.identity import components, replay
from warehouse.identity.rules import Rules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from warehouse.identity.components import Forest, Numbers

NOBODY = 2**63 - 1


def find(db: Database, rules: Rules) -> "dict[str, NDArray[Any]]":
    """place, tuple, component, profile, first_profile, is_tied, is_over of each tuple, in the order
    of temp table tuples; `is_tied` where it bears an identifier. What its component holds belongs
    to `profile`; identifiers that came with the tuple went to `first_profile`. Neither is true of
    components that break a limit, which `is_over`.

    Out of the temp tables of `affected`; it makes these:
    homes (place, profile, is_over): the same;
    simple_founders (profile, stand), simple_merges (from_profile, into_profile, place): of the
    components that break none.
    """
    import numpy as np

    tuples = db.arrays("select place, tuple from tuples")
    stands = db.arrays("select stand, type, first_place from stands")
    bearings = db.arrays("select place, first_place from bearings")
    places = tuples["place"]
    numbers = np.empty_like(tuples["tuple"])
    numbers[places] = tuples["tuple"]
    forest = components.connect(len(places), bearings["place"], bearings["first_place"])
    founding = _founding(forest, stands)
    is_over = _over(db, rules, forest, stands, founding < NOBODY)[forest.components]
    merges = _merges(forest, bearings, is_over)
    is_tied = np.zeros(len(places), dtype=bool)
    is_tied[stands["first_place"]] = is_tied[bearings["place"]] = True
    by_place = {
        "component": numbers[forest.components],
        "profile": forest.components,
        "first_profile": _first_profiles(forest, merges),
        "is_tied": is_tied,
        "is_over": is_over,
    }
    homes = tuples | {name: of[places] for name, of in by_place.items()}
    db.keep("homes", {name: homes[name] for name in ("place", "profile", "is_over")})
    [profiles] = (~is_over & (founding < NOBODY)).nonzero()
    db.keep("simple_founders", {"profile": profiles, "stand": founding[profiles]})
    db.keep("simple_merges", merges)
    return homes


def _founding(forest: "Forest", stands: Mapping[str, "Numbers"]) -> "Numbers":
    """By place: the least identifier of a tuple none of whose identifiers came earlier."""
    import numpy as np

    founding = np.full(len(forest.roots), NOBODY)
    np.minimum.at(founding, stands["first_place"], stands["stand"])
    founding[forest.roots != np.arange(len(founding))] = NOBODY
    return founding


def _over(
    db: Database,
    rules: Rules,
    forest: "Forest",
    stands: Mapping[str, "Numbers"],
    founds: "NDArray[np.bool_]",
) -> "NDArray[np.bool_]":
    """By place of a component: whether it breaks a limit. One with k founders has seen k - 1
    merges.
    """
    import numpy as np

    count = len(forest.roots)
    held_in = forest.components[stands["first_place"]]
    founded_in = forest.components[founds]
    is_over = np.bincount(held_in, minlength=count) > rules.max_identifiers
    is_over |= np.bincount(founded_in, minlength=count) > rules.max_merges + 1
    for type_, identifier in enumerate(rules.identifiers):
        of_type = held_in[stands["type"] == type_]
        is_over |= np.bincount(of_type, minlength=count) > identifier.limit
    parted = db.arrays("""
        select one.first_place as one, other.first_place as other
        from parted
        join stands as one on one.stand = parted.one
        join stands as other on other.stand = parted.other
    """)
    ones, others = forest.components[parted["one"]], forest.components[parted["other"]]
    is_over[ones[ones == others]] = True
    return is_over


def _merges(
    forest: "Forest", bearings: Mapping[str, "Numbers"], is_over: "NDArray[np.bool_]"
) -> dict[str, "Numbers"]:
    """from_profile, into_profile, and the place of the tuple that tied them."""
    import numpy as np

    roots = forest.roots
    places, ones = bearings["place"], roots[bearings["place"]]
    others = roots[bearings["first_place"]]
    is_tying = (ones != others) & ~is_over[places]
    places, ones, others = places[is_tying], ones[is_tying], others[is_tying]
    # The first tuple that ties two founders is the one that counts.
    order = np.argsort(places, kind="stable")
    pairs = np.minimum(ones, others).astype(np.int64) * len(roots) + np.maximum(ones, others)
    first = order[np.sort(np.unique(pairs[order], return_index=True)[1])]
    places, ones, others = places[first], ones[first], others[first]
    # Most often two profiles merge, once; only of more does it take thought which are still there.
    in_components = forest.components[ones]
    is_once = np.bincount(in_components, minlength=1)[in_components] == 1
    once = (np.maximum(ones, others), np.minimum(ones, others), places)
    names = ("from_profile", "into_profile", "place")
    ties = zip(*(of[~is_once].tolist() for of in (places, ones, others)), strict=True)
    more = replay.columns(replay.merge_all(_by_place(ties)), names)
    return {
        name: np.concatenate([of[is_once], more[name]])
        for name, of in zip(names, once, strict=True)
    }


def _by_place(ties: Iterator[tuple[int, int, int]]) -> Iterator[tuple[int, Iterator[int]]]:
    for place, of_place in groupby(ties, itemgetter(0)):
        yield place, (founder for tie in of_place for founder in tie[1:])


def _first_profiles(forest: "Forest", merges: Mapping[str, "Numbers"]) -> "Numbers":
    """By place: what the tuple's founder had become by then."""
    import numpy as np

    places = np.arange(len(forest.roots), dtype=np.int32)
    into, until = places.copy(), np.full_like(places, len(places))
    into[merges["from_profile"]] = merges["into_profile"]
    until[merges["from_profile"]] = merges["place"]
    profiles = forest.roots.copy()
    while (is_past := until[profiles] <= places).any():
        profiles[is_past] = into[profiles[is_past]]
    return profiles
