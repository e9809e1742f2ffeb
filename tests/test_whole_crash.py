"""A run killed in the middle of a sync: nothing lost, and at most the batch in flight twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import Sandbox, StartSandbox
from dagster import AssetSelection
from whole import QUIET, ROOT, Whole, in_folder

RUN = f"""
import os
import dagster as dg
from cdp_assets import project
from cdp_assets.definitions import assemble

job = assemble(project.find(os.environ)).resolve_implicit_global_asset_job_def()
job.execute_in_process(
    instance=dg.DagsterInstance.ephemeral(),
    run_config={QUIET!r},
    asset_selection=[dg.AssetKey(["ledger", "hubspot_contacts"])],
)
"""
BATCH = 100


def test_a_kill_in_the_middle_of_a_sync_loses_no_row_and_repeats_one_batch_at_most(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(people=300)
    whole = in_folder(tmp_path, sandbox.url)
    whole.run(AssetSelection.assets("syncs/hubspot_contacts").upstream())
    wanted = whole.ask("select count(*) from syncs.hubspot_contacts")[0][0]
    assert wanted > 2 * BATCH

    sandbox.faults([{"vendor": "hubspot", "latency_ms": 1000, "times": -1}])
    kill_after_first_batch(whole, sandbox)
    at_kill = len(sandbox.records("hubspot", "contacts"))
    assert 0 < at_kill < wanted
    sandbox.mend()

    whole.run(AssetSelection.assets("ledger/hubspot_contacts"))

    refused = whole.ask(
        "select count(*) from ledger.outbox where sync = 'hubspot_contacts' and state = 'rejected'"
    )[0][0]
    held = [record["properties"]["email"] for record in sandbox.records("hubspot", "contacts")]
    assert len(held) == len(set(held)) == wanted - refused
    assert whole.ask("select count(*) from ledger.hubspot_contacts") == [(wanted - refused,)]
    # A batch that was in flight when the process died may have arrived: it goes again.
    needed = -(-wanted // BATCH)
    assert written(sandbox) <= needed + 1


def kill_after_first_batch(whole: Whole, sandbox: Sandbox) -> None:
    """SIGKILL the run when the tool holds something of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=ROOT, env={**os.environ, **whole.environ}
    )
    while not sandbox.records("hubspot", "contacts"):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()


def written(sandbox: Sandbox) -> int:
    """Batches that HubSpot got."""
    return sum(each["count"] for each in sandbox.requests() if "batch/upsert" in each["route"])
