"""Loading the sources: finding them, their settings, crashes, and the assets of Dagster."""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from conftest import NOW, Sandbox
from reading import ROOT, SETTINGS, SOURCES, Reading

from cdp_assets.loads import MissingSetting, assets, settings
from cdp_assets.place import Place
from sources import Source, find, variable


def test_sources_are_found_without_running_them() -> None:
    code = "import sys, pathlib, sources; sources.find(pathlib.Path('sources')); "
    code += "print([name for name in ('dlt', 'sources.stripe') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert told.stdout.decode().strip() == "[]"


def test_a_source_is_its_file() -> None:
    assert SOURCES["salesforce"] == Source(
        name="salesforce",
        description="Salesforce: contacts, leads, accounts and opportunities.",
        streams=("contacts", "leads", "accounts", "opportunities"),
        required=("client_id", "client_secret", "base_url"),
        optional=(),
        path=ROOT / "sources" / "salesforce.py",
        like="salesforce",
    )
    assert SOURCES["stripe"].optional == ("base_url",)
    assert variable("stripe", "api_key") == "SOURCES__STRIPE__API_KEY"


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "listed.py").write_text('"""Listed."""\nSTREAMS = ["a"]\ndef source(): ...\n')
    (tmp_path / "torn.py").write_text("def source(:\n")
    (tmp_path / "_ours.py").write_text("")
    assert find(tmp_path) == (
        [],
        [
            f"{tmp_path}/empty.py:1: no docstring that says which vendor this is, with a link",
            f'{tmp_path}/empty.py:1: no STREAMS = ("…",), a tuple of plain names of tables',
            f"{tmp_path}/empty.py:1: no function source(…) at the top level",
            f'{tmp_path}/listed.py:1: no STREAMS = ("…",), a tuple of plain names of tables',
            f"{tmp_path}/torn.py:1: not Python: invalid syntax",
        ],
    )


def test_a_missing_secret_is_named_with_the_ones_that_are_set() -> None:
    environ = {
        "SOURCES__SALESFORCE__CLIENT_ID": "abc",
        "SOURCES__SALESFORCE__BASE_URL": "https://x",
    }
    with pytest.raises(MissingSetting) as missing:
        settings(SOURCES["salesforce"], environ)
    assert str(missing.value) == (
        "The source salesforce needs SOURCES__SALESFORCE__CLIENT_SECRET; set of its variables: "
        "SOURCES__SALESFORCE__CLIENT_ID, SOURCES__SALESFORCE__BASE_URL. "
        "Set it in the environment or in .env."
    )


def customers(sandbox: Sandbox, numbers: range, minutes: int = 0) -> None:
    at = NOW + timedelta(minutes=minutes)
    for number in numbers:
        fields = {"object": "customer", "email": f"{number}@example.com"}
        created = {"id": f"cus_{number}", "created": int(at.timestamp())}
        sandbox.world.stripe.save("customers", created | fields, at)


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_load_killed_before_it_wrote_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    reading = Reading(sandbox.url, tmp_path)
    customers(sandbox, range(3))
    reading.load("stripe", "customers")
    customers(sandbox, range(3, 253), minutes=60)
    sandbox.faults([{"vendor": "stripe", "latency_ms": 150, "times": -1}])
    asked = answered(sandbox)
    code = "from pathlib import Path; from reading import Reading; "
    code += f"Reading({sandbox.url!r}, Path({str(tmp_path)!r})).load('stripe', 'customers')"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT / "tests")
    # 1. While it reads Stripe's pages, take the lock. 2. When its files wait for it, kill it.
    wait_for(lambda: answered(sandbox) > asked)
    lock = duckdb.connect(str(reading.warehouse))
    wait_for(lambda: list((tmp_path / "state" / "stripe").glob("load/normalized/*")))
    child.kill()
    child.wait()
    lock.close()
    sandbox.mend()
    assert reading.load("stripe", "customers") == {"customers": 250}
    assert reading.query("select count(*) from stripe.customers") == [(253,)]


def answered(sandbox: Sandbox) -> int:
    return sum(seen["count"] for seen in sandbox.requests())


def test_a_stream_that_fails_stops_no_other_and_says_why(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.01")
    customers(sandbox, range(3))
    sandbox.faults([{"vendor": "stripe", "path": "/invoices", "status": 503, "times": -1}])
    told = SETTINGS["stripe"](sandbox.url)
    environ = {variable("stripe", name): value for name, value in told.items()}
    place = Place(tmp_path / "warehouse.duckdb", tmp_path / "state")
    (stripe,) = assets([SOURCES["events"], SOURCES["stripe"]], environ, place)
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize(
            [stripe],
            instance=instance,
            selection=dg.AssetSelection.assets("stripe/customers", "stripe/invoices"),
            raise_on_error=False,
        )
    (made,) = run.asset_materializations_for_node("stripe")
    assert made.asset_key == dg.AssetKey(["stripe", "customers"])
    assert made.metadata["rows_loaded"].value == made.metadata["dagster/row_count"].value == 3
    schema = made.metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert {"id": "VARCHAR", "metadata": "JSON"}.items() <= {
        column.name: column.type for column in schema.columns
    }.items()
    failure = run.failure_data_for_node("stripe")
    assert failure is not None
    assert failure.user_failure_data is None
    assert "Stripe answered 503 Service Unavailable" in str(failure.error)
