"""How connector files are found, and what is said of those that are broken."""

import time
from pathlib import Path

import pytest

import destinations


def test_broken_connector_files_are_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "my_tools"
    package.mkdir()
    good = (
        "from destinations.pace import Rate\n"
        "from destinations.destination import Destination\n"
        "from destinations.login import bearer\n"
        "destination = Destination({name!r}, 'https://x', (), bearer('t'), Rate(1, 1))\n"
    )
    (package / "__init__.py").write_text("")
    (package / "alpha.py").write_text("import nothing_of_that_name\n")
    (package / "beta.py").write_text("def broken(:\n")
    (package / "gamma.py").write_text(good.format(name="delta"))
    (package / "empty.py").write_text(good.format(name="empty"))
    (package / "none.py").write_text("")
    (package / "fine.py").write_text(
        good.format(name="fine") + "destination.object(key='id', batch_size=1, name='x')(print)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found, mistakes = destinations.find("my_tools")
    assert list(found) == ["fine"]
    assert mistakes == [
        "my_tools/alpha.py:1: ModuleNotFoundError(\"No module named 'nothing_of_that_name'\")",
        "my_tools/beta.py:1: SyntaxError('invalid syntax', "
        f"('{package}/beta.py', 1, 12, 'def broken(:\\n', 1, 13))",
        "my_tools/empty.py: its destination has no `@destination.object(...)`",
        "my_tools/gamma.py: its destination is named 'delta', not as the file",
        "my_tools/none.py: defines no `destination = Destination(...)`",
    ]


def test_finding_the_destinations_is_quick() -> None:
    started = time.perf_counter()
    assert {"customerio", "hubspot", "salesforce"} <= set(destinations.find()[0])
    assert time.perf_counter() - started < 1
