"""Vitally: accounts and their users, one by one. https://docs.vitally.io/en/articles/9880649

Rows are recognised by your own id, `externalId`. What Vitally has no field for becomes a trait.
`base_url` is https://<subdomain>.rest.vitally.io, in the EU https://rest.vitally-eu.io.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from destinations.api import Api, Rate
from destinations.destination import Destination
from destinations.errors import Refused
from destinations.login import basic
from destinations.rows import Accepted, Rejected, Row, iso

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
)


@destination.object(key="externalId", batch_size=1, modes=("upsert", "update"), is_partial=True)
def accounts(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Accounts, created (then `name` is needed) or updated."""
    for row in rows:
        yield _word(api, row, _write(api, "accounts", row, _body(api, row, ACCOUNT)))


@destination.object(key="externalId", batch_size=1, modes=("upsert", "update"), is_partial=True)
def users(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Users, created or updated; each belongs to one of your ids of accounts in `accountIds`."""
    for row in rows:
        body = _body(api, row, USER)
        known = {account: _account_id(api, account) for account in _texts(body.get("accountIds"))}
        if missing := [account for account, account_id in known.items() if account_id is None]:
            reason = f"Vitally has no account {', '.join(missing)}"
            yield Rejected(api.key_of(row), reason, "404")
            continue
        if known:
            body["accountIds"] = list(known.values())
        yield _word(api, row, _write(api, "users", row, body))


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
    for row in rows:
        answer = api.attempt("DELETE", _path(kind, api.key_of(row)))
        is_gone = isinstance(answer, Refused) and answer.status == 404
        yield _word(api, row, None if is_gone else answer)


def _write(api: Api, kind: str, row: Row, body: dict[str, Any]) -> Any:
    """Vitally's answer, or its refusal. To update and to create are two calls, by what is there."""
    key = api.key_of(row)
    answer = api.attempt("PUT", _path(kind, key), body)
    is_new = isinstance(answer, Refused) and answer.status == 404
    if is_new and api.mode == "upsert":
        answer = api.attempt("POST", f"/resources/{kind}", {"externalId": key, **body})
    return answer


def _word(api: Api, row: Row, answer: Any) -> Rejected | Accepted:
    if isinstance(answer, Refused):
        return Rejected(api.key_of(row), answer.words, str(answer.status))
    return Accepted(api.key_of(row), answer.get("id") if isinstance(answer, dict) else None)


def _account_id(api: Api, account: str) -> str | None:
    """Vitally's id of an account of which we know our own, asked for once a run."""
    if account not in api.memory:
        answer = api.attempt("GET", _path("accounts", account))
        api.memory[account] = None if isinstance(answer, Refused) else str(answer["id"])
    account_id: str | None = api.memory[account]
    return account_id


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
