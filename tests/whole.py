"""The whole platform in a test: on the sandbox, in a folder of its own, run in this process."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from cdp_assets import outside, project
from cdp_assets.definitions import assemble
from warehouse import database

ROOT = Path(__file__).parents[1]
EVERYTHING = dg.AssetSelection.all()
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Whole:
    """A project in a folder, and the environment it runs in."""

    root: Path
    environ: dict[str, str]

    def run(
        self, selection: dg.AssetSelection = EVERYTHING, *, succeeds: bool = True
    ) -> dict[str, str]:
        """Materialize a selection; the words of the steps that failed, by step."""
        job = assemble(
            project.find(self.environ, self.root)
        ).resolve_implicit_global_asset_job_def()
        chosen = selection.resolve(job.asset_layer.asset_graph)
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(
                instance=instance,
                run_config=QUIET,
                raise_on_error=False,
                asset_selection=list(chosen),
            )
        failed = {
            str(event.step_key): _words(event.step_failure_data.error)
            for event in result.all_events
            if event.is_step_failure
        }
        assert result.success == succeeds, failed
        return failed

    def ask(self, select: str) -> list[tuple[Any, ...]]:
        place = project.find(self.environ, self.root).place
        with database.connect(place.warehouse, read_only=True) as db:
            return db.run(select)


def in_folder(folder: Path, url: str, *, copy: bool = False) -> Whole:
    """The platform on a sandbox; with a copy of the project's files where they will be changed."""
    root = ROOT
    if copy:
        root = folder / "project"
        for part in ("sources", "warehouse"):
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    return Whole(root, outside.environment(url, folder))


def _words(error: Any) -> str:
    while error.cause:
        error = error.cause
    return str(error.message).strip()
