"""What a bench promises, and how it is shown: a bar is a measured value and its bound."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Bar:
    """A promise. The note says what a reader of the value alone would get wrong."""

    bar: str
    value: float
    side: Literal["at most", "at least"]
    bound: float
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.bound if self.side == "at most" else self.value >= self.bound

    def row(self) -> dict[str, Any]:
        return {
            "bar": self.bar,
            "value": round(self.value, 2),
            "must be": self.side,
            "bound": self.bound,
            "holds": self.holds,
            "note": self.note,
        }


@dataclass(frozen=True)
class Result:
    """A bench's bars, and the figures they were made of, one row a run."""

    bars: list[Bar]
    runs: list[dict[str, Any]] = field(default_factory=list)


def at_most(bound: float, bar: str, value: float, note: str = "") -> Bar:
    return Bar(bar, value, "at most", bound, note)


def at_least(bound: float, bar: str, value: float, note: str = "") -> Bar:
    return Bar(bar, value, "at least", bound, note)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown that a terminal shows straight too."""
    if not rows:
        return ""
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "MISSED"
    return f"{value:,}" if isinstance(value, int) else str(value)
