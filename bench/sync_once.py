"""One run of a sync to a tool on loopback, over a warehouse that is filled: a process of its own.

    python -m bench.sync_once webhook URL FOLDER RUN_ID

The tools are at the pace that their name here says; without one, as fast as they answer.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import destinations
from cdp_assets import sending
from cdp_assets.outgoing import aim
from cdp_assets.sending import Target
from destinations.pace import Rate
from warehouse.database import connect
from warehouse.ledger import Report
from warehouse.sync import Sync

SYNC = Sync("bench", "syncs.bench", "email")
FREE = Rate(1_000_000, 1)


@dataclass(frozen=True)
class Way:
    """An object of a tool at an address, and the pace at which it is asked."""

    to: str
    arguments: Callable[[str], dict[str, str]]
    rate: Rate = FREE


def _hubspot(url: str) -> dict[str, str]:
    return {"access_token": "pat-bench", "base_url": url}


def _marketo(url: str) -> dict[str, str]:
    return {"base_url": url, "client_id": "bench", "client_secret": "bench"}


def _row_a_call(url: str) -> dict[str, str]:
    return {"url": f"{url}/hook", "secret": "bench"}


def _hundred_a_call(url: str) -> dict[str, str]:
    return {**_row_a_call(url), "rows_per_call": "100"}


WAYS = {
    "hubspot": Way("hubspot.contacts", _hubspot),
    # The higher tier's: https://developers.hubspot.com/docs/developer-tooling/platform
    "limited": Way("hubspot.contacts", _hubspot, Rate(190, 10)),
    "marketo": Way("marketo.leads", _marketo, Rate(100, 20)),
    "webhook": Way("webhook.contacts", _row_a_call),
    "webhooks": Way("webhook.contacts", _hundred_a_call),
}


def warehouse(folder: Path) -> Path:
    return folder / "warehouse.duckdb"


def target(way: Way, url: str) -> Target:
    tool, _, name = way.to.partition(".")
    destination = replace(destinations.find()[0][tool], rate=way.rate)
    thing = destination.thing(name)
    assert thing
    return aim(thing, destination.open(way.arguments(url), SYNC.key, name=name, patience_s=120))


def run(aimed: Target, folder: Path, run_id: str) -> Report:
    workshop = sending.Workshop(lambda: connect(warehouse(folder)), folder / "plans")
    return sending.run(SYNC, aimed, workshop, run_id, lambda: datetime.now(UTC))


def let_refused_go(folder: Path) -> None:
    """Their pause is over: the next run takes them."""
    with connect(warehouse(folder)) as db:
        db.run("update ledger.outbox set next_try_at = now()")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("run_id")
    given = parser.parse_args()
    run(target(WAYS[given.way], given.url), given.folder, given.run_id)
