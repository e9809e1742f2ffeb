"""The answers of `cdp who`, `why` and `worst` on the terminal; what they ask stands in SQL."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from cdp_assets import table
from warehouse.database import Database
from warehouse.identity.asking import SHARED_BY, lines
from warehouse.identity.asking.what_if import Counts
from warehouse.identity.matching import Match

WHO = """
select type, value, first_seen_at, last_seen_at, sources
from identity.who($name) where profile_id = $id
"""
PROFILE = """
select profile_id, created_at, last_seen_at, identifier_count, merge_count
from identity.profiles where profile_id = $id
"""
ROWS = """
select source, count(*) as rows from identity.rows where profile_id = $id group by source
order by source
"""
MERGES = """
select merged_at, from_profile_id as profile, into_profile_id as "went into", source, row_id
from identity.merges
where into_profile_id = $id
    or from_profile_id in (
        select profile_id from identity.profile_redirects where current_profile_id = $id
    )
order by merged_at, from_profile_id
"""
VIOLATIONS = """
select
    type,
    violations.value,
    reason,
    count(*) as rows,
    min(happened_at) as first_at,
    max(happened_at) as last_at
from identity.rows as rows
join identity.violations as violations using (source, row_id)
where rows.profile_id = $id
group by all
order by rows desc, type, violations.value
"""
ACCOUNTS = """
select account_id as account, kind as "belongs to it by", source, first_seen_at, last_seen_at
from profiles.account_members where profile_id = $id
order by all
"""
CHAIN = """
select
    step,
    type || ' ' || value as "this one",
    next_type || ' ' || next_value as "and this one",
    seen_at as at,
    source as "stand on a row of",
    row_id as row
from identity.why($one, $other)
"""
APART = """
select happened_at as at, source, row_id as row, type, value, reason
from identity.why_not($one, $other) limit 20
"""
CHANGES = """
with sized as (
    select
        *,
        max(identifier_count) over (partition by coalesce(new_profile_id, profile_id)) as size
    from changes
),
called as (
    select profile_id, arg_min(type || ' ' || value, first_seen_at) as name
    from identity.identifiers
    semi join changes using (profile_id)
    group by profile_id
)
select
    sized.profile_id as "this profile",
    called.name as "first known by",
    identifier_count as identifiers,
    case
        when new_profile_id is null then 'would belong to nobody'
        when sized.profile_id is null then 'would come to'
        when is_merge and is_split then 'would part and merge into'
        when is_merge then 'would merge into'
        when is_split then 'would split into'
        when is_gain then 'would gain, as'
        else 'would remain, as'
    end as "of it",
    new_profile_id as "this one"
from sized
left join called using (profile_id)
order by size desc, new_profile_id, identifier_count desc, sized.profile_id
limit 30
"""
LARGEST = """
select
    profile_id,
    identifier_count as identifiers,
    merge_count as merges,
    tied_most_by_type || ' ' || tied_most_by_value as "tied most by",
    combination_count as "in rows of kinds"
from identity.worst_profiles limit 10
"""
DEMOTED = """
select type, value, demoted_count as rows, profile_count as people, reasons
from identity.worst_values order by demoted_count desc, type, value limit 10
"""
SHARED = f"""
select type, value, profile_count as people, demoted_count as "rows"
from identity.worst_values where profile_count >= {SHARED_BY} limit 20
"""


class NobodyKnown(click.ClickException):
    """A name that stands nowhere in identity."""

    def __init__(self, name: str):
        super().__init__(
            f"Nobody is called '{name}': it is no identifier that ties somebody, as it was written"
            " or as the rules normalise it, and no profile id. A kind may stand before it:"
            " email:ada@example.com."
        )


class NotStitchedYet(click.ClickException):
    """The warehouse has no identity that could be asked, or one from before it could be."""

    def __init__(self) -> None:
        super().__init__(
            "Nobody is known yet: stitch first, with"
            " dagster asset materialize -m cdp_assets.definitions --select '+group:identity'"
        )


def who(db: Database, name: str, console: Console) -> None:
    """All that is on record of the person, or of each of several who are called so."""
    _check_stitched(db)
    for profile in _profiles(db, name):
        told = {"id": profile}
        for title, select in (
            ("Profile", PROFILE),
            ("Identifiers", WHO),
            ("Rows", ROWS),
            ("Profiles that became one", MERGES),
            ("Did not tie", VIOLATIONS),
            ("Companies", ACCOUNTS),
        ):
            if select is ACCOUNTS and not db.columns("profiles.account_members"):
                continue
            given = {**told, "name": name} if select is WHO else told
            _show(db, select, given, console, title)


def why(db: Database, one: str, other: str, console: Console) -> None:
    """The chain of rows that makes two names one person, or what keeps them apart."""
    _check_stitched(db)
    first, second = _profiles(db, one), _profiles(db, other)
    if not set(first) & set(second):
        console.print(f"'{one}' ({first[0]}) and '{other}' ({second[0]}) are two people.")
        title = "Rows that speak for one person, and what the rules said against it"
        if not _show(db, APART, {"one": one, "other": other}, console, title):
            console.print("No row bears identifiers of both.")
        return
    title = f"'{one}' and '{other}' are one person, since"
    if not _show(db, CHAIN, {"one": one, "other": other}, console, title):
        console.print(f"'{one}' and '{other}' are the same identifier.")


def worst(db: Database, rules: Path, console: Console) -> None:
    """What to look at first: large profiles, demoted identifiers, values that many share."""
    _check_stitched(db)
    _show(db, LARGEST, {}, console, "Largest profiles")
    _show(db, DEMOTED, {}, console, "Identifiers that were most often kept from tying")
    title = f"Shared by {SHARED_BY} people or more"
    shared = db.run(SHARED)
    if not _show(db, SHARED, {}, console, title):
        console.print(f"No value is shared by {SHARED_BY} people or more.")
        return
    console.print(f"To have them tie nobody, add to {rules.name}:\n")
    block = lines.block(rules.read_text(), [(row[0], row[1]) for row in shared])
    console.print(block, markup=False, highlight=False, soft_wrap=True)


def what_if(db: Database, counts: Counts, console: Console) -> None:
    """What other rules would do, from the temp table changes; the largest changes one by one."""
    said = [
        f"{counts.merging} profiles would become {counts.merged}" if counts.merging else "",
        f"{counts.splitting} would be split into {counts.parts}" if counts.splitting else "",
        f"{counts.lost_identifiers} identifiers would belong to nobody, which {counts.losing}"
        " profiles have now" if counts.losing else "",
        f"{counts.gained_identifiers} identifiers that nobody has would belong to"
        f" {counts.gaining} profiles" if counts.gaining else "",
    ]  # fmt: skip
    if not any(said):
        console.print("No profile would change. Nothing was written.")
        return
    console.print("; ".join(filter(None, said)) + ". Nothing was written.")
    _show(db, CHANGES, {}, console, "The largest changes")


def matches(found: Sequence[Match], rules: Path, console: Console) -> None:
    """Pairs that are probably one person, each with the lines that would join it."""
    if not found:
        console.print("No two profiles are probably one person.")
        return
    shown = Table("score", "one", "and", title="Probably one person", title_justify="left")
    for match in found:
        sides = ((match.one, match.one_name), (match.other, match.other_name))
        shown.add_row(f"{match.score:.4f}", *(f"{name}, {' '.join(who)}" for who, name in sides))
    console.print(shown)
    console.print(f"Take those that are right into {rules.name}:\n")
    block = "\n".join(lines.join(m.one, m.other, f"cdp matches, {m.score:.4f}") for m in found)
    console.print(block, markup=False, highlight=False, soft_wrap=True)


def _check_stitched(db: Database) -> None:
    if not db.columns("identity.worst_values"):
        raise NotStitchedYet


def _profiles(db: Database, name: str) -> list[str]:
    found = db.run(
        "select profile_id from identity.named($name) group by all order by min(first_seen_at)",
        {"name": name},
    )
    if not found:
        raise NobodyKnown(name)
    return [row[0] for row in found]


def _show(db: Database, select: str, told: dict[str, str], console: Console, title: str) -> int:
    """Print what there is, if there is anything; how many rows."""
    relation = db.connection.sql(select, params=told)
    assert relation is not None
    return table.show(relation, console, title, skip_empty=True)
