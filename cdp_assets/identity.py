"""Who is who, as assets: identity/* out of every staging table that carries identifiers."""

from collections.abc import Iterator, Sequence

import dagster as dg

from cdp_assets.place import Place
from warehouse import identity
from warehouse.identity import health
from warehouse.identity.health import Finding
from warehouse.identity.occurrences import Input
from warehouse.identity.rules import Rules

FULL = "Read all rows again instead of those that are new; ids are kept."
DESCRIPTIONS = {
    "identifiers": "One row per identifier, with the profile that holds it.",
    "first_profiles": "One row per identifier that another profile held before a merge.",
    "profiles": "One row per person.",
    "merges": "One row per profile that went into an older one, with the row that tied them.",
    "violations": "One row per identifier that a rule kept from tying, with the row it stood on.",
    "rows": "One row per staging row that bears an identifier, with its profile.",
    "profile_redirects": "One row per profile_id that was ever given, with the one that it is now.",
    "evidence": "One row per identifier of each distinct tuple of identifiers.",
    "tuples": "One row per distinct tuple of identifiers, with its profile.",
    "placed": "One row per staging row whose profile was decided row by row.",
    "runs": "One row per run: what came, and how large the record is after it.",
}


def assets(inputs: Sequence[Input], rules: Rules, place: Place) -> list[dg.AssetsDefinition]:
    """The tables of identity; none where no source carries identifiers.

    They are one thing and always made together; whoever selects some of them sees only those.
    """
    if not inputs:
        return []
    deps = [dg.AssetKey(["staging", source.name]) for source in inputs]

    @dg.multi_asset(
        name="identity",
        specs=[_spec(name, deps) for name in DESCRIPTIONS],
        check_specs=[
            dg.AssetCheckSpec(check, asset=dg.AssetKey(table.split(".")))
            for check, table in health.CHECKS.items()
        ],
        config_schema={"full": dg.Field(bool, default_value=False, description=FULL)},
        can_subset=True,
    )
    def stitch(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        counts = identity.build(
            place.warehouse, inputs, rules, full=context.op_execution_context.op_config["full"]
        )
        with place.connect() as db:
            types = {table: db.columns(table) for table in counts}
            found = list(health.findings(db))
        for key in context.selected_asset_keys:
            table = ".".join(key.path)
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    "dagster/row_count": counts[table],
                    "dagster/table_name": table,
                    "dagster/column_schema": _columns(table, types[table]),
                },
            )
        asked = {key.name for key in context.selected_asset_check_keys}
        yield from (_judged(finding) for finding in found if finding.check in asked)

    return [stitch]


def _judged(finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=finding.check,
        asset_key=dg.AssetKey(finding.table.split(".")),
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if finding.is_error else dg.AssetCheckSeverity.WARN,
        metadata=finding.figures,
    )


def _spec(name: str, deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["identity", name],
        deps=deps,
        description=DESCRIPTIONS[name],
        group_name="identity",
        kinds={"duckdb", "sql"},
        metadata={"dagster/column_schema": _columns(f"identity.{name}", {})},
    )


def _columns(table: str, types: dict[str, str]) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(name, types.get(name, "?"), description)
            for name, description in identity.COLUMNS[table].items()
        ]
    )
