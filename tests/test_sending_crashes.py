import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from taking import CONTACTS, fill, fill_letters, in_ledger, sums

from cdp_assets.sending import Workshop
from warehouse import ledger

PROGRAM = """
import json, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from cdp_assets import sending
from cdp_assets.sending import Workshop, Target
from destinations.rows import Outcome
from warehouse.database import connect
from warehouse.sync import Sync

home, dies_in, run_id = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
batches = 0

def send(rows):
    global batches
    batches += 1
    with (home / "tool.jsonl").open("a") as tool:
        tool.write("".join(json.dumps(row) + chr(10) for row in rows))
    if batches == dies_in:
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome({row["email"]: None for row in rows})

sending.run(
    Sync("hubspot_contacts", "syncs.hubspot_contacts", "email"),
    Target(send, 2),
    Workshop(lambda: connect(home / "warehouse.duckdb"), home / "spool"),
    run_id,
    lambda: datetime.now(UTC),
)
"""


def run_program(workshop: Workshop, dies_in: int, run_id: str) -> int:
    home = str(workshop.folder.parent)
    arguments = [home, str(dies_in), run_id]
    return subprocess.run([sys.executable, "-c", PROGRAM, *arguments], check=False).returncode


def test_after_sigkill_only_the_batch_in_flight_goes_twice(workshop: Workshop) -> None:
    fill_letters(workshop, "abcde")

    assert run_program(workshop, 2, "r1") == -signal.SIGKILL
    assert run_program(workshop, 0, "r2") == 0

    lines = (workshop.folder.parent / "tool.jsonl").read_text().splitlines()
    assert "".join(json.loads(line)["email"] for line in lines) == "abcdcde"
    assert in_ledger(workshop, "email") == [(letter,) for letter in "abcde"]
    with workshop.connect() as db:
        reports = {report.run_id: report for report in ledger.reports(db, CONTACTS)}
        assert ledger.unbalanced(db, CONTACTS) == []
    assert sums(reports["r1"]) == (5, 2, 0, 3)
    assert reports["r1"].stopped_by == "the process ended before the run did"
    assert sums(reports["r2"]) == (3, 3, 0, 0)


def test_sigkill_at_any_moment_loses_nothing(workshop: Workshop) -> None:
    fill(workshop, "select lpad(i::varchar, 3, '0') as email from range(60) as t (i)")
    home = workshop.folder.parent
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(home), "0", "r1"])
    kill_when(process, lambda: sent_count(home) > 20)
    assert run_program(workshop, 0, "r2") == 0

    lines = (home / "tool.jsonl").read_text().splitlines()
    keys = [json.loads(line)["email"] for line in lines]
    assert sorted(set(keys)) == [f"{i:03}" for i in range(60)]
    assert len(keys) <= 60 + 2
    assert len(in_ledger(workshop, "email")) == 60
    with workshop.connect() as db:
        assert ledger.unbalanced(db, CONTACTS) == []


def sent_count(home: Path) -> int:
    file = home / "tool.jsonl"
    return len(file.read_text().splitlines()) if file.exists() else 0


def kill_when(process: subprocess.Popen[bytes], come: Callable[[], bool]) -> None:
    pause = threading.Event()
    while process.poll() is None and not come():
        pause.wait(0.003)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
