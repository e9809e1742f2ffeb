"""A tool we write to, and the kinds of thing it holds: what a connector file declares.

    destination = Destination(name="hubspot", ...)

    @destination.object(key="email", batch_size=100)
    def contacts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]: ...

    @contacts.delete
    def archive_contacts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]: ...

A connector function yields a word on each row that needs one; a row it does not mention, when it
comes to its end, was accepted. It has no `try`: what the tool's refusals mean is decided here and
in `api`.
"""

import inspect
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import requests
from requests.adapters import BaseAdapter

from destinations.api import Api, Pace, Rate
from destinations.errors import (
    DestinationError,
    MissingSecret,
    NoDelete,
    Refused,
    StrayKey,
    UnknownParameter,
)
from destinations.login import Arguments, Login
from destinations.rows import Accepted, Outcome, Rejected, Row

Send = Callable[[Api, list[Row]], Iterator[Rejected | Accepted]]


@dataclass(eq=False)
class Object:
    """A kind of thing a destination holds. `key` is its usual key field, None if ever another."""

    destination: str
    name: str
    key: str | None
    batch_size: int
    send: Send
    remove: Send | None = None

    @property
    def description(self) -> str:
        return inspect.getdoc(self.send) or ""

    def delete(self, remove: Send) -> Send:
        """Decorate the function that takes rows out of the tool."""
        self.remove = remove
        return remove

    def send_batch(self, api: Api, rows: list[Row]) -> Outcome:
        """Create or update these rows in the tool; its word on every one of them.

        A RetryLater or Refused carries in `settled` what the tool had said until then.
        """
        return _deliver(self.send, api, rows)

    def delete_batch(self, api: Api, rows: list[Row]) -> Outcome:
        """Take these rows out of the tool; otherwise as `send_batch`."""
        if self.remove is None:
            raise NoDelete(self.destination, self.name)
        return _deliver(self.remove, api, rows)


@dataclass(eq=False)
class Destination:
    """A tool we write to. `secrets` are the parameters that must be set for it to be on.

    `base_url` is None where every customer has an address of their own: then it is a secret too.
    `quota_words` in a refusal say that the tool's quota is used up.
    """

    name: str
    base_url: str | None
    secrets: tuple[str, ...]
    authenticate: Login
    rate: Rate
    quota_words: tuple[str, ...] = ()
    objects: dict[str, Object] = field(default_factory=dict)

    def object(
        self, *, key: str | None, batch_size: int, name: str | None = None
    ) -> Callable[[Send], Object]:
        """Declare a kind of thing by the function that sends rows of it."""

        def declare(send: Send) -> Object:
            made = Object(self.name, name or send.__name__, key, batch_size, send)
            self.objects[made.name] = made
            return made

        return declare

    def open(
        self,
        arguments: Arguments,
        key: str,
        *,
        transport: BaseAdapter | None = None,
        sleep: Callable[[float], None] = time.sleep,
        patience_s: float = 60.0,
    ) -> Api:
        """The way to the tool for one sync, which recognises its rows by the field `key`.

        `arguments`: the values of DESTINATIONS__<NAME>__<PARAMETER> by lower-case parameter;
        `patience_s`: how long one request may be held up by a busy tool. Nothing is sent yet.
        """
        self.check(arguments)
        session = requests.Session()
        if transport is not None:
            session.mount("http://", transport)
            session.mount("https://", transport)
        return Api(
            destination=self.name,
            key=key,
            base_url=arguments.get("base_url") or self.base_url or "",
            arguments=arguments,
            login=self.authenticate,
            pace=Pace(self.rate, sleep, time.monotonic),
            quota_words=self.quota_words,
            session=session,
            patience_s=patience_s,
        )

    def check(self, arguments: Arguments) -> None:
        """Raise MissingSecret or UnknownParameter where the arguments would not do."""
        known = dict.fromkeys([*self.secrets, "base_url"])
        present = [name for name, value in arguments.items() if value]
        if missing := [name for name in self.secrets if name not in present]:
            raise MissingSecret(self.name, missing, present)
        if unknown := [name for name in present if name not in known]:
            raise UnknownParameter(self.name, unknown, known)


def _deliver(send: Send, api: Api, rows: list[Row]) -> Outcome:
    outcome = Outcome()
    for row in rows:
        if reason := _unspeakable(row):
            outcome.note(Rejected(api.key_of(row), reason))
    try:
        _settle(send, api, [row for row in rows if not outcome.knows(api.key_of(row))], outcome)
    except DestinationError as error:
        error.settled = outcome
        raise
    return outcome


def _settle(send: Send, api: Api, rows: list[Row], outcome: Outcome) -> None:
    """Send rows and note what the tool says of each.

    A batch refused for what is in it is halved until the culprit stands alone: one bad row costs
    some calls, never its neighbours.
    """
    if not rows:
        return
    keys = {api.key_of(row) for row in rows}
    try:
        for word in send(api, rows):
            if word.key not in keys:
                raise StrayKey(api.destination, word.key)
            outcome.note(word)
    except Refused as refusal:
        if refusal.about != "rows":
            raise
        left = [row for row in rows if not outcome.knows(api.key_of(row))]
        if len(left) == 1:
            outcome.note(Rejected(api.key_of(left[0]), refusal.words))
            return
        _settle(send, api, left[: len(left) // 2], outcome)
        _settle(send, api, left[len(left) // 2 :], outcome)
    else:
        for key in keys:
            if not outcome.knows(key):
                outcome.note(Accepted(key))


def _unspeakable(row: Row) -> str | None:
    """Why no tool could be told this row: JSON has no word for infinity or for no number."""
    for name, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"{name} is {value}, which is no number that can be sent"
    return None
