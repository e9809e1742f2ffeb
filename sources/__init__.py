"""How data comes in: one vendor a file. Finding them reads the files and runs none of them.

A source is a file `sources/<name>.py` with a docstring, a tuple `STREAMS` and a function `source`.
Its parameters are its settings: those without a default, or with `dlt.secrets.value` or
`dlt.config.value` for one, must be set for the source to be on. Files that begin with `_` are not
sources.

A second account of a vendor, or a second place with event dumps, is a file of two lines: a
docstring and `from sources.events import STREAMS, source`. It has a schema and settings of its own.
"""

import ast
import os
from dataclasses import dataclass, replace
from pathlib import Path

# As in warehouse/__init__.py, for whoever imports this first.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

FROM_SETTINGS = ("dlt.secrets.value", "dlt.config.value")


@dataclass(frozen=True)
class Source:
    name: str
    description: str
    streams: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    path: Path
    like: str  # its own name, or that of the source whose STREAMS and source() it takes over


def find(folder: Path) -> tuple[list[Source], list[str]]:
    """All sources of a folder, by name, and a line for each mistake in a file that is none."""
    found, mistakes = [], []
    for path in sorted(folder.glob("[!_]*.py")):
        source, wrong = _read(path)
        mistakes += wrong
        if source:
            found.append(source)
    return found, mistakes


def variable(source: str, parameter: str) -> str:
    """The environment variable that holds a setting: SOURCES__STRIPE__API_KEY."""
    return f"SOURCES__{source}__{parameter}".upper()


def _read(path: Path) -> tuple[Source | None, list[str]]:
    try:
        module = ast.parse(path.read_text())
    except SyntaxError as error:
        return None, [f"{path}:{error.lineno}: not Python: {error.msg}"]
    description = ast.get_docstring(module)
    if (like := _taken_over(module)) and like != path.stem:
        other, mistakes = _read(path.with_name(f"{like}.py"))
        if description and other:
            first = description.splitlines()[0]
            return replace(other, name=path.stem, description=first, path=path), []
    streams, function = _streams(module), _function(module)
    mistakes = []
    if not description:
        mistakes.append(f"{path}:1: no docstring that says which vendor this is, with a link")
    if not streams:
        mistakes.append(f'{path}:1: no STREAMS = ("…",), a tuple of plain names of tables')
    if not function:
        mistakes.append(f"{path}:1: no function source(…) at the top level")
    if not (description and streams and function):
        return None, mistakes
    required, optional = _settings(function)
    first = description.splitlines()[0]
    return Source(path.stem, first, streams, required, optional, path, path.stem), []


def _taken_over(module: ast.Module) -> str | None:
    """stripe, where a file says `from sources.stripe import STREAMS, source`."""
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and {"STREAMS", "source"} <= {
            n.name for n in node.names
        }:
            return (node.module or "").rpartition(".")[2]
    return None


def _streams(module: ast.Module) -> tuple[str, ...]:
    """The tuple assigned to STREAMS; empty when there is none, or it is not plain text."""
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "STREAMS" for target in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.Tuple):
                names = [item.value for item in value.elts if isinstance(item, ast.Constant)]
                if len(names) == len(value.elts) and all(isinstance(name, str) for name in names):
                    return tuple(str(name) for name in names)
    return ()


def _function(module: ast.Module) -> ast.FunctionDef | None:
    functions = (node for node in module.body if isinstance(node, ast.FunctionDef))
    return next((node for node in functions if node.name == "source"), None)


def _settings(function: ast.FunctionDef) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the parameters that must be set, and of those that may be."""
    plain, named = (
        function.args,
        zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    )
    positional = [*plain.posonlyargs, *plain.args]
    without = [None] * (len(positional) - len(plain.defaults))
    pairs = [*zip(positional, [*without, *plain.defaults], strict=True), *named]
    must = {
        parameter.arg: default is None or ast.unparse(default) in FROM_SETTINGS
        for parameter, default in pairs
    }
    required = tuple(name for name, needed in must.items() if needed)
    return required, tuple(name for name, needed in must.items() if not needed)
