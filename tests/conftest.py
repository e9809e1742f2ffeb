"""The sandbox as a fixture: the vendors' APIs on a free port of this machine, in a thread."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import postgres_server
import pytest
import uvicorn
from contracting import Contract, answers, free_port
from reading import Reading
from starlette.types import Receive, Scope, Send

from cdp_assets.sending import Workshop
from sandbox.app import build
from sandbox.faults import Gate
from sandbox.stores import Json
from sandbox.world import World
from warehouse.database import connect

ROOT = Path(__file__).parents[1]
CONTRACTD = ROOT.parent / "shared" / "contracts" / "contractd.py"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox. Its world can be looked at and written to directly."""

    url: str
    world: World
    gate: Gate

    def faults(self, told: list[Json]) -> None:
        self.gate.tell(told)

    def mend(self) -> None:
        self.gate.faults.clear()

    def records(self, vendor: str, kind: str) -> list[Json]:
        return self.world.held(vendor, kind)

    def requests(self) -> list[Json]:
        """[{"vendor", "route", "status", "count"}]; status 0 is a connection cut."""
        return self.gate.counts()


StartSandbox = Callable[..., Sandbox]
Run = Callable[..., subprocess.Popen[bytes]]
StartContract = Callable[[str, str], Contract]


class Server:
    """A web server that outlives the tests; each test puts its own sandbox behind it."""

    gate: Gate

    def __init__(self) -> None:
        config = uvicorn.Config(self, port=0, log_level="critical", lifespan="off")
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, daemon=True)
        self._thread.start()
        while not self._uvicorn.started:
            time.sleep(0.005)
        port = self._uvicorn.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gate(scope, receive, send)

    def stop(self) -> None:
        # Clients may keep connections open; they are not waited for.
        self._uvicorn.should_exit = self._uvicorn.force_exit = True
        self._thread.join(timeout=10)


@pytest.fixture(scope="session")
def idle_servers() -> Iterator[list[Server]]:
    """Starting and stopping a server takes longer than most tests: they are used again."""
    idle: list[Server] = []
    yield idle
    for server in idle:
        server.stop()


@pytest.fixture
def start_sandbox(tmp_path: Path, idle_servers: list[Server]) -> Iterator[StartSandbox]:
    """start_sandbox() is an empty world; start_sandbox(people=50) has the demo company in it."""
    busy: list[Server] = []

    def start(people: int = 0, seed: int = 7, world: World | None = None) -> Sandbox:
        world = world or World(NOW)
        server = idle_servers.pop() if idle_servers else Server()
        busy.append(server)
        server.gate = build(world, _next_day(world, tmp_path / "outside", people, seed))
        return Sandbox(server.url, world, server.gate)

    yield start
    idle_servers += busy


def _next_day(world: World, folder: Path, people: int, seed: int) -> Callable[[], None]:
    """The company founded in the world, if there shall be one, and how a day of it passes."""
    if not people:
        return lambda: None
    from sandbox import company

    company.found(world, folder, people, seed)
    return lambda: company.next_day(world, folder)


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    return start_sandbox()


@pytest.fixture
def world(sandbox: Sandbox) -> World:
    return sandbox.world


@pytest.fixture
def reading(sandbox: Sandbox, tmp_path: Path) -> Reading:
    """Loads of the sandbox into a warehouse of the test's own."""
    return Reading(sandbox.url, tmp_path)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """An S3 API on loopback and a client of it; who needs to find it looks at the environment."""
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }.items():
            environment.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        yield boto3.client("s3")
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this run of tests."""
    found = postgres_server.programs()
    assert found or "CI" not in os.environ, "on CI there must be a PostgreSQL server"
    if not found:
        pytest.skip("there is no PostgreSQL server on this machine (apt-get install postgresql)")
    with postgres_server.serving(found) as url:
        yield url


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Where a test has a warehouse of its own, once something is loaded."""
    return tmp_path / "warehouse.duckdb"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a test puts its event dumps."""
    made = tmp_path / "dumps"
    made.mkdir()
    return made


@pytest.fixture
def run() -> Iterator[Run]:
    """Start a Python process that ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def contract(run: Run) -> StartContract:
    """A vendor's contract in front of an upstream: contract("stripe", "http://…/stripe")."""
    if not CONTRACTD.exists():
        pytest.skip("the vendors' contracts are not on this machine")

    def start(specs: str, upstream: str) -> Contract:
        port = free_port()
        process = run(CONTRACTD, f"{specs}={port}@{upstream}")
        answers(f"http://127.0.0.1:{port}/__contract", process)
        return Contract(f"http://127.0.0.1:{port}")

    return start


@pytest.fixture
def without_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Away from the project's own .env, which would come before what a command is told here."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Where a sync works: an empty warehouse, and a folder for its spool and journal."""
    return Workshop(lambda: connect(tmp_path / "warehouse.duckdb"), tmp_path / "spool")
