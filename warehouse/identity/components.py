"""Connected components, by contraction: which tuples hang together through identifiers.

A tuple goes by its place in time order, so pointers between tuples are arrays.

1. Hook: every tuple takes the oldest tuple that bore one of its identifiers as parent.
2. Jump: parents become grandparents, until every tuple points at the root of its tree.
3. Contract: what ties two trees is an edge of the next, smaller graph; again from 1 until none is
   left.

A chain of n tuples costs about log2(n) jumps. See Burkhardt, "Graph connectivity in log steps using
label propagation" (2018), and Kiveris et al., "Connected Components in MapReduce and Beyond"
(2014), for this family of algorithms.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.integer]


class Forest(NamedTuple):
    """By place: the root of the tuple's first tree, and the oldest tuple of its component."""

    roots: "Numbers"
    components: "Numbers"
    rounds: int


def connect(count: int, places: "Numbers", earlier: "Numbers") -> Forest:
    """Places are below `count`; each of `places` bears what the place in `earlier` bore before."""
    roots, rounds = _hook(count, places, earlier)
    components = roots
    ones, others = roots[places], roots[earlier]
    while (apart := ones != others).any():
        ones, others = ones[apart], others[apart]
        parents, more = _hook(count, ones, others)
        components, ones, others = parents[components], parents[ones], parents[others]
        rounds += more + 1
    return Forest(roots, components, rounds)


def _hook(count: int, ones: "Numbers", others: "Numbers") -> tuple["Numbers", int]:
    """The root of each, where the later end of an edge points at the oldest it is tied to."""
    import numpy as np

    parents = np.arange(count, dtype=np.int32)
    np.minimum.at(parents, np.maximum(ones, others), np.minimum(ones, others))
    rounds = 1
    while not np.array_equal(parents, grandparents := parents[parents]):
        parents = grandparents
        rounds += 1
    return parents, rounds
