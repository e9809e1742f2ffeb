"""What can go wrong with a destination, sorted by what to do about it.

    DestinationError
    ├── RetryLater           the tool is busy: send the same rows again, later
    ├── Unanswered           the tool may have taken what must not be sent twice: find out, decide
    ├── Refused              the request is wrong or not allowed: stop the sync, mend, run again
    ├── MissingSecret        a parameter is not set: set the variable
    ├── UnknownParameter     a parameter that this destination does not have: mend its name
    ├── NoDelete             this object cannot be deleted from: change the sync's mode
    ├── NoMerge              this object cannot merge records: add a function that does
    ├── UnknownMode          a connector declares a mode that there is not: mend the connector
    ├── MappingUnfit         the tool's object has other fields than the sync maps: mend the SELECT
    ├── QuotaTooSmall        the run needs more calls than the tool takes today: wait, or send less
    └── StrayKey             a connector spoke of a row it was not given: mend the connector

A row that the tool does not take is no error but a value: `rows.Rejected`.
"""

from collections.abc import Iterable
from typing import Literal

from destinations.rows import Outcome

About = Literal["login", "rows", "request"]


def variable(destination: str, parameter: str) -> str:
    """The environment variable that a destination's parameter comes from."""
    return f"DESTINATIONS__{destination}__{parameter}".upper()


class DestinationError(Exception):
    """Anything that keeps rows from their tool. `settled` is what the tool had said before.

    `is_unsure`: the tool may have taken rows, of those that it has not spoken of.
    """

    def __init__(self, sentence: str):
        super().__init__(sentence)
        self.settled = Outcome()
        self.is_unsure = False


class RetryLater(DestinationError):
    """The tool is busy or out of reach, and stayed so for as long as we could wait."""

    def __init__(self, destination: str, after_s: float, words: str, is_unsure: bool = False):
        self.destination, self.after_s, self.words = destination, after_s, words
        super().__init__(
            f"{destination} is busy: {words}. The same rows go again in {after_s:.0f} s or later."
        )
        self.is_unsure = is_unsure


class Unanswered(DestinationError):
    """No answer came to rows that must not go twice: the tool may have them, or not."""

    def __init__(self, destination: str, words: str):
        super().__init__(
            f"{destination} may or may not have taken the last rows: {words}. They are held, since "
            "sent again they could be there twice. Look into the tool, then say "
            "`cdp decide SYNC taken` or `cdp decide SYNC lost`."
        )
        self.is_unsure = True


class Refused(DestinationError):
    """The tool refuses the request as a whole, on `about`: the login, the rows, or the request.

    The rows: it found fault with what was in it, so that one of them may be to blame.
    """

    def __init__(self, destination: str, status: int, words: str, about: About = "request"):
        self.destination, self.status, self.words, self.about = destination, status, words, about
        mend = f"{variable(destination, '*')}" if about == "login" else "the sync that sent it"
        super().__init__(
            f"{destination} refused the {about} with {status}: {words}. Look at {mend}."
        )


class MissingSecret(DestinationError):
    """A destination is to be used and a parameter it needs is not set."""

    def __init__(self, destination: str, missing: list[str], present: Iterable[str]):
        others = ", ".join(variable(destination, name) for name in sorted(present)) or "nothing"
        wanted = ", ".join(variable(destination, name) for name in missing)
        super().__init__(f"Destination {destination} needs {wanted}. Set for it so far: {others}.")


class UnknownParameter(DestinationError):
    """A variable is set that the destination does not know, most likely misspelt."""

    def __init__(self, destination: str, unknown: list[str], known: Iterable[str]):
        wrong = ", ".join(variable(destination, name) for name in unknown)
        right = ", ".join(variable(destination, name) for name in known)
        super().__init__(f"Destination {destination} does not know {wrong}. It knows {right}.")


class NoDelete(DestinationError):
    """A sync wants rows deleted from an object whose connector cannot do that."""

    def __init__(self, destination: str, object_name: str):
        super().__init__(
            f"{destination}.{object_name} cannot delete. Use `mode: upsert` in the sync, or add a "
            f"function under `@{object_name}.delete` to destinations/{destination}.py."
        )


class NoMerge(DestinationError):
    """Two records are to become one in an object whose connector cannot do that."""

    def __init__(self, destination: str, object_name: str):
        super().__init__(
            f"{destination}.{object_name} cannot merge. Add a function under "
            f"`@{object_name}.merge` to destinations/{destination}.py."
        )


class UnknownMode(DestinationError):
    """A connector declares that an object can do something that there is no word for."""

    def __init__(
        self, destination: str, object_name: str, unknown: list[str], known: Iterable[str]
    ):
        super().__init__(
            f"{destination}.{object_name} declares the mode {', '.join(unknown)}; "
            f"there are: {', '.join(known)}."
        )


class MappingUnfit(DestinationError):
    """A sync maps fields that the tool's object does not have, or not so."""

    def __init__(self, destination: str, object_name: str, sync: str, mistakes: list[str]):
        listed = "".join(f"\n  {mistake}" for mistake in mistakes)
        super().__init__(
            f"Nothing was sent: {sync} does not fit {destination}.{object_name}. "
            f"Mend warehouse/models/syncs/{sync}.sql:{listed}"
        )


class QuotaTooSmall(DestinationError):
    """A run would need more calls than the tool takes for the rest of the day."""

    def __init__(self, destination: str, needed: int, left: int):
        super().__init__(
            f"Nothing was sent: this run needs {needed} calls, and {destination} takes {left} more "
            "today. The rows wait; run again when the tool's day is over, or send fewer at a time."
        )


class StrayKey(DestinationError):
    """A connector accepted or rejected a key that was not among its rows."""

    def __init__(self, destination: str, key: str):
        super().__init__(
            f"destinations/{destination}.py spoke of the row {key!r}, which it was not given."
        )
