"""A process that dies at a chosen moment of its work on the warehouse."""

from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.database import Database


class Crash(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing is recorded after it."""


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

    def mark(self, opening: int, moment: str) -> None:
        self.crash, self.openings = (opening, moment), 0

    def unmark(self) -> None:
        self.crash = None
