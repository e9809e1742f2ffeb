"""The raw tables: what the sources' APIs show, loaded by dlt, as assets.

dlt reads the vendor and prepares files without the warehouse; only then the lock is taken, and
the files are loaded. How far a stream was read is kept in the warehouse itself, in the same load
as its rows, and nowhere else: whatever a run that died left in the state folder is thrown away.
"""

import inspect
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg

from cdp_assets import seen
from cdp_assets.place import Place
from sources import Source, variable
from warehouse import database
from warehouse.database import Database

log = logging.getLogger(__name__)

# dlt reads these when it is first imported, which is in the functions below. Its telemetry is on
# unless told, and its warnings are about columns that were null.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")


@dataclass(frozen=True)
class Loaded:
    """A stream after its load: rows that came, rows it has now, its columns and their types."""

    rows: int
    total: int
    columns: dict[str, str]


class MissingSetting(Exception):
    """A source was asked for rows but not all it needs is in the environment."""

    def __init__(self, source: Source, environ: Mapping[str, str]):
        names = [variable(source.name, each) for each in (*source.required, *source.optional)]
        needed = names[: len(source.required)]
        missing = ", ".join(name for name in needed if not environ.get(name))
        are_set = ", ".join(name for name in names if environ.get(name)) or "none"
        super().__init__(
            f"The source {source.name} needs {missing}; set of its variables: {are_set}. "
            "Set it in the environment or in .env."
        )


class LoadFailed(Exception):
    """Some streams of a source could not be read; `loaded` holds those that could."""

    def __init__(self, source: str, failures: dict[str, Exception], loaded: dict[str, Loaded]):
        self.loaded = loaded
        lines = [f"{source}/{stream}: {_root(error)}" for stream, error in failures.items()]
        rest = f" ({', '.join(loaded)} loaded)" if loaded else ""
        super().__init__("\n".join([f"Not loaded{rest}:", *lines]))


def assets(
    sources: Sequence[Source], environ: Mapping[str, str], place: Place
) -> list[dg.AssetsDefinition]:
    """One asset a stream, for the sources that dlt reads; events have a loader of their own."""
    return [_asset(source, environ, place) for source in sources if source.like != "events"]


def settings(source: Source, environ: Mapping[str, str]) -> dict[str, str]:
    """The arguments for source(), from the environment. Raises MissingSetting."""
    names = {each: variable(source.name, each) for each in (*source.required, *source.optional)}
    found = {each: environ[name] for each, name in names.items() if environ.get(name)}
    if not set(source.required) <= set(found):
        raise MissingSetting(source, environ)
    return found


def load(
    source: Source,
    streams: Iterable[str],
    arguments: Mapping[str, str],
    warehouse: Path,
    state_folder: Path,
) -> dict[str, Loaded]:
    """Read what is new in these streams and merge it into the warehouse.

    Raises LoadFailed when a stream could not be read, after the others were loaded.
    """
    # An older answer must not be loaded over a newer one.
    with database.one_at_a_time(state_folder / f"{source.name}.lock"):
        pipeline = _pipeline(source.name, warehouse, state_folder)
        rows, failures = _extract(pipeline, source, streams, arguments)
        with database.connect(warehouse) as db:
            pipeline.load()
            loaded = {
                stream: _loaded(db, f"{source.name}.{stream}", count)
                for stream, count in rows.items()
            }
    if failures:
        raise LoadFailed(source.name, failures, loaded) from next(iter(failures.values()))
    return loaded


def _pipeline(name: str, warehouse: Path, state_folder: Path) -> Any:
    """A dlt pipeline that knows what the warehouse knows, and nothing else."""
    import dlt

    # The lock is held while dlt loads: no naps between its packages.
    dlt.config["load.run_sleep"] = 0.0
    pipeline = dlt.pipeline(
        name,
        pipelines_dir=str(state_folder),
        destination=dlt.destinations.duckdb(str(warehouse)),
        dataset_name=name,
    ).drop()
    if warehouse.exists():
        with database.connect(warehouse):
            pipeline.sync_destination()
    return pipeline


def _extract(
    pipeline: Any, source: Source, streams: Iterable[str], arguments: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, Exception]]:
    """Files ready to load: rows by stream, and what went wrong with the other streams.

    All streams together take dlt half the time of one after the other. Only where one of them
    fails are they read one by one, so that it fails alone.
    """
    from dlt.pipeline.exceptions import PipelineStepFailed

    def extract(*chosen: str) -> None:
        wanted = _call(source, arguments).with_resources(*chosen)
        pipeline.extract(wanted, loader_file_format="parquet")

    read, failures = list(streams), dict[str, Exception]()
    try:
        extract(*read)
    except PipelineStepFailed:
        for stream in read:
            try:
                extract(stream)
            except PipelineStepFailed as error:
                failures[stream] = error
    normalized = pipeline.normalize()
    counts = normalized.row_counts if normalized else {}
    return {stream: counts.get(stream, 0) for stream in read if stream not in failures}, failures


def _call(source: Source, arguments: Mapping[str, str]) -> Any:
    """What source() gives. Every parameter is passed, since dlt would look for the others itself,
    in the environment under the bare name (BASE_URL) too."""
    name = f"sources.{source.name}"
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = str(source.path)
    SourceFileLoader(name, str(source.path)).exec_module(module)
    parameters = inspect.signature(module.source).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.name in source.optional}
    return module.source(**defaults | dict(arguments))


def _loaded(db: Database, table: str, rows: int) -> Loaded:
    """A source that had no rows yet may not have made its table."""
    columns = db.columns(table)
    return Loaded(rows, db.count(table) if columns else 0, columns)


def _root(error: BaseException) -> BaseException:
    """The vendor's error, out of those that dlt wrapped around it."""
    while error.__cause__ and type(error).__module__.startswith("dlt."):
        error = error.__cause__
    return error


def _asset(source: Source, environ: Mapping[str, str], place: Place) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            [source.name, stream],
            group_name=source.name,
            kinds={"dlt", "duckdb"},
            description=f"{stream} as the vendor shows them. {source.description}",
        )
        for stream in source.streams
    ]

    @dg.multi_asset(name=source.name, specs=specs, can_subset=True)
    def read(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        wanted = {key.path[-1] for key in context.selected_asset_keys}
        streams = [stream for stream in source.streams if stream in wanted]
        arguments = settings(source, environ)
        try:
            loaded = load(source, streams, arguments, place.warehouse, place.state)
        except LoadFailed as failed:
            yield from _results(source.name, failed.loaded)
            raise
        yield from _results(source.name, loaded)

    return read


def _results(source: str, loaded: dict[str, Loaded]) -> Iterator[dg.MaterializeResult[None]]:
    for stream, table in loaded.items():
        told = seen.table(f"{source}.{stream}", table.total, table.columns)
        yield dg.MaterializeResult(
            asset_key=[source, stream], metadata={**told, "rows_loaded": table.rows}
        )
