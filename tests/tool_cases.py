"""Every object of every tool that the sandbox has: what the files cases_<tool>.py list."""

import importlib
from pathlib import Path
from typing import Any

from tool_case import Case

import destinations
from destinations.api import Api
from destinations.destination import Object

CASES: list[Case] = [
    case
    for file in sorted(Path(__file__).parent.glob("cases_*.py"))
    for case in importlib.import_module(file.stem).CASES
]


def thing(case: Case) -> Object:
    return destinations.find()[0][case.tool].objects[case.thing]


def opened(case: Case, url: str, **more: Any) -> Api:
    """The case's tool at this address, signed in."""
    destination = destinations.find()[0][case.tool]
    arguments = {**case.arguments, "base_url": url}
    return destination.open(arguments, case.key, name=case.thing, **more)
