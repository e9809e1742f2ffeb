"""python -m sandbox: the outside world on one port, and its state kept in a folder."""

import argparse
import json
import os
import signal
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import uvicorn

from sandbox import company
from sandbox.app import build
from sandbox.world import World


def main() -> None:
    asked = _arguments()
    folder: Path = asked.folder
    state = folder / "state.json"
    if state.exists():
        world = World.load(json.loads(state.read_text()))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        # The clock stands at the last midnight: the day before `today` is over, `today` is not.
        midnight = datetime.combine(asked.today - timedelta(days=1), datetime.min.time(), UTC)
        world = World(midnight)
        company.found(world, folder, asked.people, asked.seed)
        _keep(world, state)

    # uvicorn passes SIGTERM on when it is done; without a handler that would end us unsaved.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    app = build(world, lambda: company.next_day(world, folder))
    try:
        uvicorn.run(app, port=asked.port, log_level="warning", lifespan="off")
    finally:
        _keep(world, state)


def _keep(world: World, state: Path) -> None:
    """Whole or not at all: a kill in the middle leaves the state of before."""
    draft = state.with_suffix(".draft")
    draft.write_text(json.dumps(world.dump()))
    os.replace(draft, state)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument(
        "--folder", type=Path, required=True, help="state.json, and what the company leaves there"
    )
    parser.add_argument("--people", type=int, default=2000, help="of a company newly founded")
    parser.add_argument("--seed", type=int, default=7, help="of a company newly founded")
    parser.add_argument(
        "--today", type=date.fromisoformat, default=datetime.now(UTC).date(), help="YYYY-MM-DD"
    )
    return parser.parse_args()


main()
