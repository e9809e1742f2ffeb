"""A tool we write to, and the kinds of thing it holds: what a connector file declares.

    destination = Destination(name="hubspot", ...)

    @destination.object(key="email", batch_size=100, modes=("upsert", "update", "create"))
    def contacts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]: ...

    @contacts.delete      takes rows out: they carry key, the ledger's fields and RECORD_ID
    def archive_contacts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]: ...

    @contacts.merge       makes two records one
    def merge_contacts(api: Api, merges: list[Merge]) -> Iterator[Rejected | Accepted]: ...

    @contacts.read        reads records back, by key
    def read_contacts(api: Api, keys: list[str]) -> dict[str, Row]: ...     RECORD_ID among them

    @contacts.describe    what fields the tool has
    def contact_fields(api: Api) -> dict[str, FieldSpec]: ...

    @contacts.price       how many calls a batch takes, of a tool that needs more than one
    def contact_calls(api: Api, row_count: int, action: Action) -> int: ...

    @contacts.finish      is called once after the last batch of a run
    def close_job(api: Api) -> None: ...

An object named `*.csv` stands for all of such names: `api.object` has the one that the sync means.

A connector function yields a word on each row that needs one; a row it does not mention, when it
comes to its end, was accepted. It has no `try`: what the tool's refusals mean is decided in
`settling` and `api`.
"""

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

import requests
from requests.adapters import BaseAdapter

from destinations.api import Api, Means, as_it_says
from destinations.errors import (
    MissingSecret,
    NoDelete,
    NoMerge,
    UnknownMode,
    UnknownParameter,
)
from destinations.login import NO_LOGIN, Arguments, Login
from destinations.pace import UNLIMITED, Pace, Rate
from destinations.rows import FieldSpec, Merge, Outcome, Row
from destinations.settling import Words, deliver
from destinations.wire import Wire
from destinations.wording import WriteValue, as_it_is, unspeakable, worded

Send = Callable[[Api, list[Row]], Words]
Unite = Callable[[Api, list[Merge]], Words]
ReadBack = Callable[[Api, list[str]], dict[str, Row]]
Specify = Callable[[Api], dict[str, FieldSpec]]
Close = Callable[[Api], None]
Action = Literal["send", "delete"]
Price = Callable[[Api, int, Action], int]


# What a connector may say that it can do with an object; mirror is upsert together with delete.
DECLARED_MODES = ("upsert", "update", "create", "append", "snapshot")


@dataclass(eq=False)
class Object:
    """A kind of thing a destination holds. `key` is its usual key field, None if ever another.

    `is_partial`: the tool keeps fields that a row does not mention, so that an updated row needs
    its key and its changed fields only. `is_deduplicated`: of a row that is appended twice the tool
    keeps one, by its key. `write`: how the tool writes a value that is no text: the connector gets
    it so, all but the key. What the decorators declare is None where they do not.
    """

    destination: str
    name: str
    key: str | None
    batch_size: int
    send: Send
    write: WriteValue = as_it_is
    declared: tuple[str, ...] = ("upsert",)
    is_partial: bool = False
    is_deduplicated: bool = False
    remove: Send | None = None
    unite: Unite | None = None
    read_back: ReadBack | None = None
    specify: Specify | None = None
    close: Close | None = None
    priced: Price | None = None

    @property
    def description(self) -> str:
        return inspect.getdoc(self.send) or ""

    @property
    def modes(self) -> tuple[str, ...]:
        """What a sync may ask for: what is declared, and mirror where that follows from it."""
        can_mirror = "upsert" in self.declared and self.remove is not None
        return (*self.declared, "mirror") if can_mirror else self.declared

    def delete(self, remove: Send) -> Send:
        """Decorate the function that takes rows out of the tool."""
        self.remove = remove
        return remove

    def merge(self, unite: Unite) -> Unite:
        """Decorate the function that makes two records of the tool one."""
        self.unite = unite
        return unite

    def read(self, read_back: ReadBack) -> ReadBack:
        """Decorate the function that reads records back; those the tool lacks are left out."""
        self.read_back = read_back
        return read_back

    def describe(self, specify: Specify) -> Specify:
        """Decorate the function that says which fields the tool has."""
        self.specify = specify
        return specify

    def finish(self, close: Close) -> Close:
        """Decorate the function that ends a run whose batches have all gone.

        A snapshot's rows count as accepted once it returns, others as soon as they are answered.
        """
        self.close = close
        return close

    def price(self, priced: Price) -> Price:
        """Decorate the function that says how many calls a batch of so many rows takes, at least.

        It asks the tool nothing.
        """
        self.priced = priced
        return priced

    def calls(self, api: Api, row_count: int, action: Action) -> int:
        """At least so many calls take these rows to the tool, in batches."""
        each = self.priced or (lambda _, __, ___: 1)
        whole, rest = divmod(row_count, self.batch_size)
        last = each(api, rest, action) if rest else 0
        return whole * each(api, self.batch_size, action) + last

    def send_batch(self, api: Api, rows: list[Row]) -> Outcome:
        """Create or update these rows in the tool; its word on every one of them.

        A RetryLater or Refused carries in `settled` what the tool had said until then.
        """
        given = _by_key(api, rows)
        return deliver(self.send, api, worded(given, api.key, self.write), unspeakable(given))

    def send_worded(self, api: Api, rows: list[Row]) -> Outcome:
        """As `send_batch`, of rows that are in the tool's words already, and speakable."""
        return deliver(self.send, api, _by_key(api, rows), {})

    def delete_batch(self, api: Api, rows: list[Row]) -> Outcome:
        """Take these rows out of the tool; otherwise as `send_batch`."""
        if self.remove is None:
            raise NoDelete(self.destination, self.name)
        given = _by_key(api, rows)
        return deliver(self.remove, api, worded(given, api.key, self.write), unspeakable(given))

    def merge_batch(self, api: Api, merges: list[Merge]) -> Outcome:
        """Make pairs of records one, by the key of the first; otherwise as `send_batch`."""
        if self.unite is None:
            raise NoMerge(self.destination, self.name)
        return deliver(self.unite, api, {merge.key: merge for merge in merges}, {})


@dataclass(eq=False)
class Destination:
    """A tool we write to. `secrets` are the parameters that must be set for it to be on.

    `base_url` is None where every customer has an address of their own: then it, or `url`, is a
    secret too. `quota_words` in a refusal say that the tool's quota is used up. `means` gives the
    status that an answer means, where the tool's own says something else. `options` are the
    parameters that may be set. `parallel`: of a tool that takes rows one by one so many calls
    are in the air at once (`flight`), if its parameter of that name says nothing else.
    """

    name: str
    base_url: str | None
    secrets: tuple[str, ...]
    authenticate: Login = NO_LOGIN
    rate: Rate = UNLIMITED
    quota_words: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    means: Means = as_it_says
    parallel: int = 1
    objects: dict[str, Object] = field(default_factory=dict)
    ask_quota: Callable[[Api], int] | None = None

    def quota(self, ask: Callable[[Api], int]) -> Callable[[Api], int]:
        """Decorate the function that says how many calls the tool takes for the rest of the day."""
        self.ask_quota = ask
        return ask

    def object(  # noqa: PLR0913 - what a connector may say of an object, each with a default
        self,
        *,
        key: str | None,
        batch_size: int,
        name: str | None = None,
        modes: tuple[str, ...] = ("upsert",),
        write: WriteValue = as_it_is,
        is_partial: bool = False,
        is_deduplicated: bool = False,
    ) -> Callable[[Send], Object]:
        """Declare a kind of thing by the function that sends rows of it; see `Object`."""

        def declare(send: Send) -> Object:
            thing = name or send.__name__
            if unknown := [mode for mode in modes if mode not in DECLARED_MODES]:
                raise UnknownMode(self.name, thing, unknown, DECLARED_MODES)
            made = Object(
                self.name, thing, key, batch_size, send, write, modes, is_partial, is_deduplicated
            )
            self.objects[made.name] = made
            return made

        return declare

    def thing(self, name: str) -> Object | None:
        """The object of that name, or the one that stands for all names like it."""
        likes = (made for like, made in self.objects.items() if fnmatchcase(name, like))
        return self.objects.get(name) or next(likes, None)

    def open(  # noqa: PLR0913 - a run states the first five, tests and the patient the others
        self,
        arguments: Arguments,
        key: str,
        *,
        mode: str = "upsert",
        run_id: str = "",
        name: str = "",
        may_repeat: bool = True,
        transport: BaseAdapter | None = None,
        sleep: Callable[[float], None] = time.sleep,
        patience_s: float = 60.0,
    ) -> Api:
        """The way to the tool for one sync, which recognises its rows by the field `key`.

        `arguments`: the values of DESTINATIONS__<NAME>__<PARAMETER> by lower-case parameter;
        `name`: of the object that is meant;
        `patience_s`: how long one request may be held up by a busy tool. Nothing is sent yet.
        """
        self.check(arguments)
        session = requests.Session()
        # Proxies and certificates from the environment, looked up once and not for every call.
        base_url = arguments.get("base_url") or self.base_url or ""
        address = base_url or arguments.get("url", "")
        around = session.merge_environment_settings(address, {}, None, None, None)
        session.proxies, session.verify = around["proxies"], around["verify"]
        session.trust_env = False
        if transport is not None:
            session.mount("http://", transport)
            session.mount("https://", transport)
        return Api(
            destination=self.name,
            key=key,
            base_url=base_url,
            arguments=arguments,
            login=self.authenticate,
            pace=Pace(self.rate, sleep, time.monotonic),
            quota_words=self.quota_words,
            wire=Wire(session),
            parallel=self.parallel,
            patience_s=patience_s,
            mode="upsert" if mode == "mirror" else mode,
            run_id=run_id,
            object=name,
            means=self.means,
            may_repeat=may_repeat,
        )

    def check(self, arguments: Arguments) -> None:
        """Raise MissingSecret or UnknownParameter where the arguments would not do."""
        more = ["base_url", "parallel"] if self.parallel > 1 else ["base_url"]
        known = dict.fromkeys([*self.secrets, *self.options, *more])
        present = [name for name, value in arguments.items() if value]
        if missing := [name for name in self.secrets if name not in present]:
            raise MissingSecret(self.name, missing, present)
        if unknown := [name for name in present if name not in known]:
            raise UnknownParameter(self.name, unknown, known)


def _by_key(api: Api, rows: list[Row]) -> dict[str, Row]:
    return {api.key_of(row): row for row in rows}
