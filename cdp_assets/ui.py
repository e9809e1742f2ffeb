"""`make ui`: Dagster's UI and its schedules, on your keys or on the demo company."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from cdp_assets import outside
from cdp_assets.cli import environ
from cdp_assets.place import ROOT

PEOPLE = 2000


def run() -> None:
    """Run `dagster dev` until it is stopped; beside it the sandbox, where .env means the demo."""
    console = Console()
    outside.write_env(console)
    stated = environ()
    home = stated.get("DAGSTER_HOME") or str(ROOT / "data" / "dagster")
    outside.make_dagster_home(Path(home))
    if not stated.get("SOURCES__STRIPE__BASE_URL", "").startswith(outside.URL):
        _dagster_dev(home, console)
        return
    outside.refuse_taken_port()
    with outside.sandbox(PEOPLE):
        outside.wait()
        _dagster_dev(home, console)


def _dagster_dev(home: str, console: Console) -> None:
    console.print("Dagster's UI comes up on http://127.0.0.1:3000; Ctrl-C ends it.")
    # It warns that another command will follow it one day.
    told = {**os.environ, "DAGSTER_HOME": home, "PYTHONWARNINGS": "ignore"}
    command = [str(Path(sys.executable).with_name("dagster")), "dev"]
    # A shell that starts us with & has it ignored, and Dagster would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, cwd=ROOT, env=told, start_new_session=True)  # noqa: S603
    try:
        process.wait()
    except KeyboardInterrupt:
        console.print("Ending …")
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """First kindly; all processes that Dagster has started, which are a group of their own."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=15)
