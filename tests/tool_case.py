"""One object of one tool, as the tests drive it: what a file cases_<tool>.py makes its CASES of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from conftest import Sandbox

from destinations.rows import Row

SEEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
Records = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One object of a tool: rows good and bad, and what the tool shows of a row by key.

    `changed` is the second good row as it comes later. `prepare` readies the tool; `renews` where
    its login can; `busy` is how the tool says that it is, and `waits_s` for how long one waits;
    `path` is a part of the path of the call that writes.
    """

    tool: str
    kind: str
    thing: str
    key: str
    arguments: dict[str, str]
    good: list[Row]
    changed: Row
    bad: Row
    shown: Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
    expected: Records = field(default_factory=dict)
    prepare: Callable[[Sandbox], None] = lambda _: None
    renews: bool = False
    busy: dict[str, Any] = field(default_factory=lambda: {"status": 429, "retry_after": 3})
    waits_s: float = 3.0
    path: str = ""

    @property
    def name(self) -> str:
        return f"{self.tool}.{self.thing}"
