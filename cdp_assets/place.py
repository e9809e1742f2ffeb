"""Where things lie: the warehouse file, and beside it what runs keep between them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from warehouse import database
from warehouse.database import Database

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Place:
    """`warehouse` is the DuckDB file, `state` the folder for dlt's and the syncs' working files."""

    warehouse: Path
    state: Path

    def connect(self) -> AbstractContextManager[Database]:
        return database.connect(self.warehouse)


def of(root: Path, environ: Mapping[str, str]) -> Place:
    """WAREHOUSE__PATH, relative to the project; data/warehouse.duckdb where it is not set."""
    warehouse = root / environ.get("WAREHOUSE__PATH", "data/warehouse.duckdb")
    return Place(warehouse, warehouse.parent / f"{warehouse.stem}.state")


def plans(root: Path, source: str) -> Path:
    """The folder of a source's tracking plan."""
    return root / "warehouse" / "tracking_plans" / source


def rules(root: Path) -> Path:
    """The file that says who is who."""
    return root / "warehouse" / "identity.toml"
