"""A process that dies at a chosen moment of its work on the warehouse."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from cdp_assets import sending
from warehouse.database import Database


class Crash(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing is recorded after it."""


# How a process may die at the warehouse, for `Door.dying`.
DEATHS = {
    "opening": st.integers(1, 4),
    "moment": st.sampled_from(["before", "after"]),
    "is_entered_at_once": st.booleans(),
}


class Door:
    """Opens the warehouse; at the opening that is marked the process dies, before it or after."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.openings = 0
        self.crash: tuple[int, str] | None = None

    @contextmanager
    def connect(self) -> Iterator[Database]:
        self.openings += 1
        if self.crash == (self.openings, "before"):
            raise Crash
        yield self.db
        if self.crash == (self.openings, "after"):
            raise Crash

    @contextmanager
    def dying(self, opening: int, moment: str, is_entered_at_once: bool) -> Iterator[None]:
        """That opening is marked; a run opens once a portion, or after each batch."""
        self.crash, self.openings = (opening, moment), 0
        with pytest.MonkeyPatch.context() as patch:
            if is_entered_at_once:
                patch.setattr(sending, "ENTERED_EVERY_S", 0)
            try:
                yield
            finally:
                self.crash = None
