"""The outside world of the demo: the sandbox as a process of its own, and the keys to it."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from cdp_assets.place import ROOT

PORT = 8700
FOLDER = ROOT / "data" / "demo"
LOG = FOLDER / "sandbox.log"
URL = f"http://127.0.0.1:{PORT}"
STARTS_WITHIN_S = 60


class PortTaken(click.ClickException):
    """Something listens where the sandbox must."""

    def __init__(self) -> None:
        super().__init__(
            f"Port {PORT} is taken, most likely by another `make demo` or `make ui`: stop that"
            " first."
        )


class SandboxSilent(click.ClickException):
    """The sandbox process did not come up."""

    def __init__(self) -> None:
        said = LOG.read_text()[-2000:].strip()
        super().__init__(f"The sandbox did not answer on {URL}. It said: {said or 'nothing'}")


def environment(url: str = URL, folder: Path = FOLDER) -> dict[str, str]:
    """What the environment must say for the platform to work on the demo company."""
    return {
        "WAREHOUSE__PATH": str(folder / "warehouse.duckdb"),
        "DAGSTER_HOME": str(folder / "dagster"),
        "SOURCES__EVENTS__URL": str(folder / "outside" / "events"),
        "SOURCES__STRIPE__API_KEY": "sk_test_sandbox",
        "SOURCES__STRIPE__BASE_URL": f"{url}/stripe/v1/",
        "SOURCES__SALESFORCE__CLIENT_ID": "sandbox-client",
        "SOURCES__SALESFORCE__CLIENT_SECRET": "sandbox-secret",
        "SOURCES__SALESFORCE__BASE_URL": f"{url}/salesforce",
        "SOURCES__GOOGLE_ADS__DEVELOPER_TOKEN": "sandbox-developer",
        "SOURCES__GOOGLE_ADS__CLIENT_ID": "sandbox-client",
        "SOURCES__GOOGLE_ADS__CLIENT_SECRET": "sandbox-secret",
        "SOURCES__GOOGLE_ADS__REFRESH_TOKEN": "sandbox-refresh",
        "SOURCES__GOOGLE_ADS__CUSTOMER_ID": "1234567890",
        "SOURCES__GOOGLE_ADS__BASE_URL": f"{url}/google_ads/",
        "SOURCES__GOOGLE_ADS__TOKEN_URL": f"{url}/google_oauth/token",
        "SOURCES__MIXPANEL__USERNAME": "sandbox-account",
        "SOURCES__MIXPANEL__SECRET": "sandbox-secret",
        "SOURCES__MIXPANEL__PROJECT_ID": "2195193",
        "SOURCES__MIXPANEL__BASE_URL": f"{url}/mixpanel_data/api/2.0/",
        "DESTINATIONS__HUBSPOT__ACCESS_TOKEN": "pat-sandbox",
        "DESTINATIONS__HUBSPOT__BASE_URL": f"{url}/hubspot",
        "DESTINATIONS__SALESFORCE__CLIENT_ID": "sandbox-client",
        "DESTINATIONS__SALESFORCE__CLIENT_SECRET": "sandbox-secret",
        "DESTINATIONS__SALESFORCE__BASE_URL": f"{url}/salesforce",
        "DESTINATIONS__CUSTOMERIO__SITE_ID": "sandbox-site",
        "DESTINATIONS__CUSTOMERIO__API_KEY": "sandbox-key",
        "DESTINATIONS__CUSTOMERIO__BASE_URL": f"{url}/customerio",
        "DESTINATIONS__MARKETO__CLIENT_ID": "sandbox-client",
        "DESTINATIONS__MARKETO__CLIENT_SECRET": "sandbox-secret",
        "DESTINATIONS__MARKETO__BASE_URL": f"{url}/marketo",
        "DESTINATIONS__MIXPANEL__PROJECT_TOKEN": "sandbox-token",
        "DESTINATIONS__MIXPANEL__BASE_URL": f"{url}/mixpanel",
        "DESTINATIONS__VITALLY__API_KEY": "sk_live_sandbox",
        "DESTINATIONS__VITALLY__BASE_URL": f"{url}/vitally",
    }


def make_dagster_home(home: Path) -> None:
    """Where Dagster keeps its runs. Unless told, it phones home and asks for an address."""
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")


def write_env(console: Console) -> None:
    """The demo's keys, for `dagster` and `cdp` to find; a file that stands is left alone."""
    path = ROOT / ".env"
    if path.exists():
        return
    lines = [f"{name}={value}" for name, value in environment().items()]
    head = "# The demo company's keys, written by `make demo`."
    path.write_text("\n".join([head, *lines, ""]))
    console.print("The keys of the demo company are now in .env.")


def refuse_taken_port() -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            raise PortTaken from None


@contextmanager
def sandbox(people: int) -> Iterator[None]:
    """Run the sandbox until the block ends. A company it already knows goes on where it was.

    It takes a few seconds to answer: `wait` for it.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Whoever stops us stops the sandbox: without a handler SIGTERM would leave it running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    command = [sys.executable, "-m", "sandbox", "--port", str(PORT)]
    command += ["--folder", str(FOLDER / "outside"), "--people", str(people)]
    with LOG.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait() -> None:
    """Until the sandbox answers; a company of 2,000 is made up in some ten seconds."""
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        try:
            _ask("GET", "/_sandbox/health")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise SandboxSilent


def a_day_passes() -> None:
    _ask("POST", "/_sandbox/day")


def _ask(method: str, path: str) -> Any:
    request = urllib.request.Request(URL + path, method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=STARTS_WITHIN_S) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")
