"""What a process loads to send a sync: a second goes by before pandas is there."""

import subprocess
import sys

from taking import fill_letters

from cdp_assets.sending import Workshop

PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from cdp_assets import outgoing, sending
from cdp_assets.sending import Target, Workshop
from destinations.rows import Outcome
from warehouse.database import connect
from warehouse.sync import Sync

home = Path(sys.argv[1])

def send(rows):
    first, *others = [row["email"] for row in rows]
    return Outcome(dict.fromkeys(others, "its id"), {first: "no such address"})

report = sending.run(
    Sync("hubspot_contacts", "syncs.hubspot_contacts", "email"),
    Target(send, 100),
    Workshop(lambda: connect(home / "warehouse.duckdb"), home / "spool"),
    "r1",
    lambda: datetime.now(UTC),
)
loaded = [name for name in ("pandas", "sqlglot", "dagster", "dlt") if name in sys.modules]
print(report.accepted, report.rejected, loaded)
"""


def test_a_run_of_a_sync_loads_neither_pandas_nor_what_reads_models(workshop: Workshop) -> None:
    fill_letters(workshop, "abc")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(workshop.folder.parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2 1 []\n"
