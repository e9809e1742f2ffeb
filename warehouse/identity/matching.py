"""Probable matches: pairs of profiles that may be one person although no identifier says so.

Splink (Fellegi and Sunter's model, 1969) weighs each agreement by how often it comes about between
strangers, which is counted in the data, rare names more than common ones; and by how often it holds
within one person, which is stated in M below, since a company has no labelled pairs to learn it.
https://moj-analytical-services.github.io/splink/

Nothing is merged here. A person reads the pairs and takes those that are right into identity.toml.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse import database
from warehouse.database import Database
from warehouse.identity.rules import Rules

if TYPE_CHECKING:
    import pyarrow as pa
    from splink.internals.comparison_creator import ComparisonCreator

FACTS = "profiles.match_facts"
SAMPLED_PAIRS = 5_000_000
# How often the values of one person agree: exactly, nearly (where that is looked at), not at all.
M = {
    "first_name": (0.85, 0.07, 0.08),
    "last_name": (0.85, 0.07, 0.08),
    "mailbox": (0.35, 0.25, 0.40),
    "company": (0.60, 0.10, 0.30),
    "phone": (0.60, 0.40),
    "city": (0.70, 0.30),
    "country": (0.95, 0.05),
}
NEARLY = {
    "mailbox": "starts_with(mailbox_l, mailbox_r) or starts_with(mailbox_r, mailbox_l)",
    "company": "jaro_winkler_similarity(company_l, company_r) >= 0.92",
}
# Only pairs that agree on one of these are looked at.
BLOCKS = (("last_name", "first_name"), ("last_name", "company"), ("mailbox",), ("phone",))
# Pairs that are all but certain, taken for six in ten of all matches: from their number comes the
# share of matches among all pairs, with which Splink begins.
CERTAIN_SHARE = 0.6
SHARE = f"""
with pairs as (
    select one.profile_id as one, other.profile_id as other
    from facts as one
    join facts as other using (first_name, last_name, company)
    where one.profile_id < other.profile_id
    union
    select one.profile_id, other.profile_id
    from facts as one
    join facts as other using (mailbox)
    where one.profile_id < other.profile_id
),
people as (select count(*) as person_count from facts)
select
    greatest((select count(*) from pairs), 1) / {CERTAIN_SHARE}
        / (person_count * (person_count - 1) / 2)
from people
"""
# Two that a rule forbids to be one are not proposed; each profile by its strongest identifier.
ALLOWED = """
with pairs as (
    select profile_id_l as one, profile_id_r as other, match_probability as score from scored
),
counted as (
    select profile_id, type, count(*) as value_count
    from identity.identifiers
    where profile_id in (select one from pairs union all select other from pairs)
    group by profile_id, type
),
forbidden as (
    select distinct pairs.one, pairs.other
    from pairs
    join counted as ones on ones.profile_id = pairs.one
    join counted as others on others.profile_id = pairs.other and others.type = ones.type
    join limits on limits.type = ones.type
    where ones.value_count + others.value_count > limits.limit_count
),
called as (
    select identifiers.profile_id, identifiers.type, identifiers.value
    from identity.identifiers as identifiers
    join limits using (type)
    where identifiers.profile_id in (select profile_id from counted)
    qualify row_number() over (
        partition by identifiers.profile_id
        order by limits.place, identifiers.first_seen_at, identifiers.value
    ) = 1
)
select
    pairs.score,
    ones.type,
    ones.value,
    others.type,
    others.value,
    one_facts.first_name || ' ' || one_facts.last_name,
    other_facts.first_name || ' ' || other_facts.last_name
from pairs
anti join forbidden using (one, other)
join called as ones on ones.profile_id = pairs.one
join called as others on others.profile_id = pairs.other
join profiles.match_facts as one_facts on one_facts.profile_id = pairs.one
join profiles.match_facts as other_facts on other_facts.profile_id = pairs.other
order by pairs.score desc, pairs.one, pairs.other
"""


class SplinkMissing(Exception):
    """The optional library is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "Probable matches need the library splink: pip install 'open-cdp[matches]'."
        )


class NoFacts(Exception):
    """The table by which matches are judged has not been made."""

    def __init__(self) -> None:
        super().__init__(
            f"{FACTS} has not been made yet: materialize {FACTS.replace('.', '/')} first. It needs"
            " events, stripe and salesforce; to judge by less, change the file"
            " warehouse/models/profiles/match_facts.sql."
        )


@dataclass(frozen=True)
class Match:
    """Two profiles, each by its strongest identifier and its name; `score` is between 0 and 1."""

    score: float
    one: tuple[str, str]
    other: tuple[str, str]
    one_name: str
    other_name: str


def propose(warehouse: Path, rules: Rules, at_least: float) -> list[Match]:
    """The pairs with at least this score, best first. Raises SplinkMissing, NoFacts."""
    with database.connect(warehouse, read_only=True) as db:
        if not db.columns(FACTS):
            raise NoFacts
        facts = db.read(f"select * from {FACTS} order by profile_id")
    if facts.num_rows < 2:
        return []
    with database.workbench(warehouse) as db:
        scored = _score(db, facts, at_least)
    with database.connect(warehouse, read_only=True) as db:
        return _allowed(db, scored, rules)


def _score(db: Database, facts: pa.Table, at_least: float) -> pa.Table:
    try:
        import splink
    except ImportError:
        raise SplinkMissing from None
    with db.lent("facts", facts):
        share = float(db.value(SHARE))
    settings = splink.SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=min(share, 0.5),
        unique_id_column_name="profile_id",
        comparisons=[_comparison(column) for column in M],
        blocking_rules_to_generate_predictions=[splink.block_on(*block) for block in BLOCKS],
    )
    api = splink.DuckDBAPI(db.connection)
    # What it warns of is values that no two of the sampled strangers share: it then has a default.
    linker = splink.Linker(api.register(facts), settings, log_level=logging.ERROR)
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=1)
    predicted = linker.inference.predict(threshold_match_probability=at_least)
    return db.read(f"from {predicted.physical_name}")


def _comparison(column: str) -> ComparisonCreator:
    from splink import comparison_level_library as level
    from splink import comparison_library as compare

    if column.endswith("_name"):
        return compare.JaroWinklerAtThresholds(column, [0.92]).configure(
            term_frequency_adjustments=True, m_probabilities=list(M[column])
        )
    if column not in NEARLY:
        return compare.ExactMatch(column).configure(m_probabilities=list(M[column]))
    exactly, nearly, not_at_all = M[column]
    return compare.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            level.NullLevel(column),
            level.ExactMatchLevel(column).configure(m_probability=exactly),
            level.CustomLevel(NEARLY[column], "nearly").configure(m_probability=nearly),
            level.ElseLevel().configure(m_probability=not_at_all),
        ],
    )


def _allowed(db: Database, scored: pa.Table, rules: Rules) -> list[Match]:
    import pyarrow as pa

    limits = {
        "type": rules.names,
        "place": list(range(len(rules.names))),
        "limit_count": [identifier.limit for identifier in rules.identifiers],
    }
    with db.lent("scored", scored), db.lent("limits", pa.table(limits)):
        return [_match(row) for row in db.run(ALLOWED)]


def _match(row: Sequence[Any]) -> Match:
    score, type_, value, other_type, other_value, name, other_name = row
    return Match(score, (type_, value), (other_type, other_value), name, other_name)
