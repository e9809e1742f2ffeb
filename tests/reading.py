"""Reading a vendor of the sandbox into a warehouse of its own, as the tests of the sources do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdp_assets.loads import load
from sources import Source, find
from warehouse import database

ROOT = Path(__file__).parents[1]
SOURCES: dict[str, Source] = {source.name: source for source in find(ROOT / "sources")[0]}
SETTINGS: dict[str, Callable[[str], dict[str, str]]] = {
    "stripe": lambda url: {"api_key": "sk_test_sandbox", "base_url": f"{url}/stripe/v1/"},
    "salesforce": lambda url: {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "base_url": f"{url}/salesforce",
    },
    "mixpanel": lambda url: {
        "username": "sandbox-account",
        "secret": "sandbox-secret",
        "project_id": "2195193",
        "start_date": "2026-10-01",
        "base_url": f"{url}/mixpanel_data/api/2.0/",
    },
    "google_ads": lambda url: {
        "developer_token": "sandbox-developer",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
        "customer_id": "123-456-7890",
        "start_date": "2026-10-01",
        "base_url": f"{url}/google_ads/",
        "token_url": f"{url}/google_oauth/token",
    },
}


@dataclass(frozen=True)
class Reading:
    """Loads of a sandbox at `url` into a warehouse in `folder`."""

    url: str
    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def load(self, source: str, *streams: str, **changed: str) -> dict[str, int]:
        """The rows that came, by stream."""
        settings = SETTINGS[source](self.url) | changed
        loaded = load(
            SOURCES[source],
            streams or SOURCES[source].streams,
            settings,
            self.warehouse,
            self.folder / "state",
        )
        return {stream: table.rows for stream, table in loaded.items()}

    def query(self, select: str) -> list[tuple[Any, ...]]:
        with database.connect(self.warehouse) as db:
            return db.run(select)

    def staging(self, table: str) -> list[dict[str, Any]]:
        """What the staging model makes of the raw tables, by its first column."""
        models = ROOT / "warehouse" / "models" / "staging"
        with database.connect(self.warehouse) as db:
            for made in ("stripe__currencies", table):
                db.materialize(f"staging.{made}", (models / f"{made}.sql").read_text())
            names = list(db.columns(f"staging.{table}"))
            rows = db.run(f"select * from staging.{table} order by 1")
        return [dict(zip(names, row, strict=True)) for row in rows]
