"""The README's commands, run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from conftest import StartSandbox
from dagster import AssetSelection
from whole import ROOT, in_folder

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
]


def test_every_make_target_that_is_named_is_there() -> None:
    named = {command.split()[1] for command in COMMANDS if command.startswith("make ")}
    named |= set(re.findall(r"`make (\w+)`", README))
    made = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    assert named == {"demo", "test", "ui", "bench"}
    assert named <= made


def test_every_file_that_is_named_is_there() -> None:
    linked = set(re.findall(r"\]\(([\w./-]+)\)", README))
    shown = set(re.findall(r"`((?:sources|destinations|warehouse)/[\w./]+\.\w+)`", README))
    examples = {name for name in shown if re.search(rf"`{name}`\n```(sql|toml)", README)}
    assert [name for name in sorted(linked | shown - examples) if not (ROOT / name).exists()] == []
    assert len(examples) == 4


def test_the_commands_on_the_warehouse_work(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    whole = in_folder(tmp_path, start_sandbox(people=40).url)
    whole.run(AssetSelection.assets("ledger/hubspot_contacts").upstream())
    told = {**os.environ, **whole.environ, "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}
    del told["DAGSTER_HOME"]
    commands = [command for command in COMMANDS if command.startswith(".venv/bin/")]
    assert len(commands) == 5
    for command in commands:
        words = shlex.split(command)
        program = str(Path(sys.executable).with_name(Path(words[0]).name))
        # Away from the project's own .env, which would come before what is told here.
        done = subprocess.run(
            [program, *words[1:]],
            cwd=tmp_path,
            env=told,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-500:]}{done.stderr[-2000:]}"
