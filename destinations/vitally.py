"""Vitally: accounts and their users, one by one. https://docs.vitally.io/en/articles/9880649

Rows are recognised by your own id, `externalId`. What Vitally has no field for becomes a trait.
`base_url` is https://<subdomain>.rest.vitally.io, in the EU https://rest.vitally-eu.io.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from destinations.api import Api
from destinations.destination import Action, Destination
from destinations.errors import Refused
from destinations.flight import Call, attempt_each
from destinations.login import basic
from destinations.pace import Rate
from destinations.rows import Accepted, Rejected, Row, iso

# What is not known of after a crash; each row is a call of its own.
BATCH = 20
ACCOUNT = ("name", "organizationId", "accountOwnerId")
USER = (
    "name",
    "email",
    "avatar",
    "accountIds",
    "organizationIds",
    "unsubscribedFromConversations",
    "joinDate",
)

destination = Destination(
    name="vitally",
    base_url=None,
    secrets=("base_url", "api_key"),
    authenticate=basic("api_key"),
    rate=Rate(1000, per_s=60),
    parallel=8,
)


@destination.object(key="externalId", batch_size=BATCH, modes=("upsert", "update"), is_partial=True)
def accounts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Accounts, created (then `name` is needed) or updated."""
    yield from _write(api, "accounts", {api.key_of(row): _body(api, row, ACCOUNT) for row in rows})


@destination.object(key="externalId", batch_size=BATCH, modes=("upsert", "update"), is_partial=True)
def users(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Users, created or updated; each belongs to one of your ids of accounts in `accountIds`."""
    bodies = {api.key_of(row): _body(api, row, USER) for row in rows}
    known = _account_ids(api, bodies.values())
    for key, body in list(bodies.items()):
        named = _texts(body.get("accountIds"))
        if missing := [account for account in named if known[account] is None]:
            yield Rejected(key, f"Vitally has no account {', '.join(missing)}", "404")
            del bodies[key]
        elif named:
            body["accountIds"] = [known[account] for account in named]
    yield from _write(api, "users", bodies)


@accounts.price
@users.price
def count_calls(_: Api, row_count: int, __: Action) -> int:
    return row_count


@accounts.delete
def delete_accounts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    yield from _delete(api, "accounts", rows)


@users.delete
def delete_users(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    yield from _delete(api, "users", rows)


@accounts.read
def read_accounts(api: Api, keys: list[str]) -> dict[str, Row]:
    return _read(api, "accounts", keys)


@users.read
def read_users(api: Api, keys: list[str]) -> dict[str, Row]:
    return _read(api, "users", keys)


def _read(api: Api, kind: str, keys: list[str]) -> dict[str, Row]:
    """What Vitally has of these. Accounts are left out: it shows them by its own ids."""
    answers = {key: api.attempt("GET", _path(kind, key)) for key in keys}
    found = {key: one for key, one in answers.items() if not isinstance(one, Refused)}
    apart = ("traits", "accountIds", "organizationIds")
    return {
        key: {**one["traits"], **{name: one[name] for name in one if name not in apart}}
        for key, one in found.items()
    }


def _delete(api: Api, kind: str, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """For good, with all that belongs to it alone; what is gone already is gone."""
    keys = [api.key_of(row) for row in rows]
    calls = (Call(key, "DELETE", _path(kind, key)) for key in keys)
    for call, answer in attempt_each(api, calls):
        yield _word(call.key, None if _is_missing(answer) else answer)


def _write(api: Api, kind: str, bodies: dict[str, Any]) -> Iterator[Rejected | Accepted]:
    """To update and to create are two calls, by what is there."""
    new: list[str] = []
    updates = (Call(key, "PUT", _path(kind, key), body) for key, body in bodies.items())
    for call, answer in attempt_each(api, updates):
        if _is_missing(answer) and api.mode == "upsert":
            new.append(call.key)
        else:
            yield _word(call.key, answer)
    path = f"/resources/{kind}"
    creates = (Call(key, "POST", path, {"externalId": key, **bodies[key]}) for key in new)
    for call, answer in attempt_each(api, creates):
        yield _word(call.key, answer)


def _is_missing(answer: Any) -> bool:
    return isinstance(answer, Refused) and answer.status == 404


def _word(key: str, answer: Any) -> Rejected | Accepted:
    if isinstance(answer, Refused):
        return Rejected(key, answer.words, str(answer.status))
    return Accepted(key, answer.get("id") if isinstance(answer, dict) else None)


def _account_ids(api: Api, bodies: Iterable[dict[str, Any]]) -> dict[str, str | None]:
    """Vitally's ids of the accounts that we know by our own; each is asked for once a run."""
    named = dict.fromkeys(one for body in bodies for one in _texts(body.get("accountIds")))
    unasked = [account for account in named if account not in api.memory]
    calls = (Call(account, "GET", _path("accounts", account)) for account in unasked)
    for call, answer in attempt_each(api, calls):
        api.memory[call.key] = None if isinstance(answer, Refused) else str(answer["id"])
    return {account: api.memory[account] for account in named}


def _path(kind: str, key: str) -> str:
    return f"/resources/{kind}/{quote(key, safe='')}"


def _body(api: Api, row: Row, fields: tuple[str, ...]) -> dict[str, Any]:
    """Traits that are not mentioned stay as they are; null removes one."""
    values = {name: _value(row[name]) for name in row if name != api.key}
    body = {name: values[name] for name in values if name in fields}
    return body | {"traits": {name: values[name] for name in values if name not in fields}}


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in (value if isinstance(value, list) else [value])]


def _value(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case date():
            return iso(value, "milliseconds")
        case _:
            return value
