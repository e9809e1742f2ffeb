"""How well identity is: what its last run says, beside the runs before it."""

from collections.abc import Iterator
from dataclasses import dataclass

from warehouse.database import Database

# More violations than this in a hundred rows, and a rule or a source is wrong rather than a person.
MOST_VIOLATIONS = 5
# Fewer runs say nothing of what is ordinary, fewer merges are chance.
FEWEST_RUNS, FEWEST_MERGES = 3, 100
# The last run, and of those before it what they had at most; of merges, for each row that came.
LAST = """
    with grown as (
        select *,
            (merge_count - lag(merge_count) over (order by run)) as new_merge_count,
            run = max(run) over () as is_last
        from stitching.runs
    )
    select
        max(p99_size) filter (where is_last),
        max(max_size) filter (where is_last),
        max(max_size) filter (where not is_last),
        max(violation_count) filter (where is_last),
        max(row_count) filter (where is_last),
        coalesce(max(new_merge_count) filter (where is_last), 0),
        max(new_row_count) filter (where is_last),
        max(new_merge_count / new_row_count) filter (where not is_last and new_row_count > 0),
        count(*) - 1
    from grown
"""


@dataclass(frozen=True)
class Finding:
    """Whether a table is as it should be, and the figures that say so."""

    check: str
    table: str
    passed: bool
    figures: dict[str, int | float]
    is_error: bool = False


# Names of checks, by the table they are of.
CHECKS = {
    "one_profile_each": "identity.identifiers",
    "profiles_of_ordinary_size": "identity.profiles",
    "few_violations": "identity.violations",
    "merges_as_ever": "identity.merges",
}


def findings(db: Database) -> Iterator[Finding]:
    """One for each of CHECKS. Only an identifier that two profiles hold is an error."""
    twice = db.value(
        "select count(*) from"
        " (select node from stitching.nodes group by node having count(distinct profile) > 1)"
    )
    yield _finding("one_profile_each", twice == 0, {"held by two profiles": twice}, is_error=True)
    [row] = db.run(LAST)
    p99, largest, once_largest, violations, rows, merges, new_rows, merge_rate, runs = row
    is_known = runs >= FEWEST_RUNS
    yield _finding(
        "profiles_of_ordinary_size",
        not is_known or largest <= 2 * once_largest,
        {"identifiers, 99 of 100 have at most": p99, "largest": largest},
    )
    share = 100 * violations / max(rows, 1)
    yield _finding(
        "few_violations",
        share <= MOST_VIOLATIONS,
        {"violations": violations, "in a hundred rows": round(share, 3)},
    )
    rate = merges / max(new_rows, 1)
    yield _finding(
        "merges_as_ever",
        not is_known or merges < FEWEST_MERGES or rate <= 3 * (merge_rate or 0),
        {"new merges": merges, "for each new row": round(rate, 4)},
    )


def _finding(
    check: str, passed: bool, figures: dict[str, int | float], *, is_error: bool = False
) -> Finding:
    return Finding(check, CHECKS[check], bool(passed), figures, is_error)
