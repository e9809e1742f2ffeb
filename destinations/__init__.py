"""How data goes out: one tool a file, found on disk, so that adding a tool is adding a file.

`destination` says what a connector file declares, `api` what HTTP answers mean, `wire` how calls
go, `flight` how several go at once, `errors` what can go wrong and what to do then, `rows` what
goes in and comes out, `wording` how a row is put in the tool's words, `settling` how no row of a
batch is left without an answer. A file whose name begins with _ is a part of a connector's.
"""

import importlib
import pkgutil
import traceback
from types import ModuleType

from destinations.destination import Destination

_MACHINERY = {
    "answers",
    "api",
    "asking",
    "destination",
    "errors",
    "flight",
    "folder",
    "login",
    "pace",
    "rows",
    "settling",
    "sql",
    "wire",
    "wording",
}


def find(package: str = __name__) -> tuple[dict[str, Destination], list[str]]:
    """The destinations of a package, and a line for each of its files that is none."""
    found: dict[str, Destination] = {}
    mistakes: list[str] = []
    for file in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if file.name.startswith("_") or (package == __name__ and file.name in _MACHINERY):
            continue
        try:
            module = importlib.import_module(f"{package}.{file.name}")
        except Exception as error:  # noqa: BLE001 - any mistake of a file stands beside the others'
            mistakes.append(f"{package}/{file.name}.py:{_line(error, file.name)}: {error!r}")
            continue
        if mistake := _mistake(module, file.name):
            mistakes.append(f"{package}/{file.name}.py: {mistake}")
        else:
            found[file.name] = module.destination
    return found, mistakes


def _mistake(module: ModuleType, name: str) -> str | None:
    destination = getattr(module, "destination", None)
    if not isinstance(destination, Destination):
        return "defines no `destination = Destination(...)`"
    if destination.name != name:
        return f"its destination is named {destination.name!r}, not as the file"
    if not destination.objects:
        return "its destination has no `@destination.object(...)`"
    return None


def _line(error: Exception, name: str) -> int:
    """Where in the file it went wrong."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename.endswith(f"{name}.py")]
    return (lines or [1])[-1] or 1
