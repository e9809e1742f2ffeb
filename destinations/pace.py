"""How often a tool may be asked, and the waiting that keeps to it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rate:
    """The tool's documented limit: so many calls in any window of so many seconds."""

    calls: int
    per_s: float


UNLIMITED = Rate(1000, per_s=1)


@dataclass(eq=False)
class Pace:
    """Keeps calls within a Rate by waiting before the one that would exceed it.

    `not_before`: until then the tool has said that it has no room.
    """

    rate: Rate
    sleep: Callable[[float], None]
    now: Callable[[], float]
    made_at: deque[float] = field(default_factory=deque)
    not_before: float = 0.0

    def pause_s(self) -> float:
        """How long the next call has to wait; not at all, if that is not above 0."""
        until = self.not_before
        if len(self.made_at) == self.rate.calls:
            until = max(until, self.made_at[0] + self.rate.per_s)
        return until - self.now()

    def wait(self) -> None:
        if (pause := self.pause_s()) > 0:
            self.sleep(pause)
        if len(self.made_at) == self.rate.calls:
            self.made_at.popleft()
        self.made_at.append(self.now())
