"""The files a bench leaves in bench/results: its figures, and the machine they were made on."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.bars import Result, table

RESULTS = Path(__file__).parent / "results"


def write(name: str, result: Result, *, quick: bool) -> None:
    """`<name>.json` and `<name>.md`; a quick run's stand beside those of the full one."""
    stem = f"{name}.quick" if quick else name
    about = {**_machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    bars = [bar.row() for bar in result.bars]
    whole = {"about": about, "bars": bars, "runs": result.runs}
    (RESULTS / f"{stem}.json").write_text(json.dumps(whole, indent=1) + "\n")
    title = f"# bench/{name}.py{' --quick' if quick else ''}"
    facts = ", ".join(f"{key} {value}" for key, value in about.items())
    parts = [title, facts, table(bars), table(result.runs)]
    (RESULTS / f"{stem}.md").write_text("\n\n".join(filter(None, parts)) + "\n")


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("duckdb", "pyarrow", "orjson", "dlt")},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
