"""A webhook of your own: rows posted as JSON, signed as in https://www.standardwebhooks.com.

`to: webhook.<name>`: the receiver reads the name in `type`, as in "customers.upsert". A call brings
one row, or up to ROWS_PER_CALL:

    {"type": "customers.upsert",
     "rows": [{"id": "4a…", "key": "u1", "fields": {"user_id": "u1", "plan": "pro"}}]}

`id` is the same whenever the same thing is said again: on append, always for the same key. The
header Idempotency-Key (and webhook-id) is the same for the same call. TEMPLATE, a JSON value, takes
the place of a row, and of the whole when a call brings one: in it "{{plan}}" is the field's value,
"{{_key}}", "{{_id}}" and "{{_action}}" what they say. Any 2xx takes the rows; a receiver that takes
some only answers {"rejected": [{"key": "u1", "reason": "…"}]}; 400, 413 and 422 refuse them.

A second webhook is a file of its own: a docstring with a link, and `destination = webhook("name")`.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from math import ceil
from typing import Any, NamedTuple

import orjson

from destinations.api import Api
from destinations.destination import Action, Destination
from destinations.errors import About, BadParameter, Refused
from destinations.flight import Call, attempt_each, from_1_to_100
from destinations.login import Headers
from destinations.rows import Accepted, Rejected, Row, in_json, on_wire

# The address or the login is wrong: no row is to blame.
STOPS: tuple[About, ...] = ("login", "request")
PLACE = re.compile(r"{{ *([^{}]+?) *}}")


class Said(NamedTuple):
    """A row as the receiver gets it, and its fields in JSON."""

    id: str
    key: str
    fields: Row
    in_json: bytes


def webhook(name: str) -> Destination:
    """A receiver's address and what is said to it, from DESTINATIONS__<NAME>__…"""
    made = Destination(
        name=name,
        base_url=None,
        secrets=("url", "secret"),
        options=("rows_per_call", "template", "authorization"),
        parallel=8,
    )
    thing = made.object(
        key=None,
        batch_size=100,
        name="*",
        modes=("upsert", "append"),
        write=in_json,
        is_deduplicated=True,
    )(post)
    thing.delete(post_deleted)
    thing.price(count_calls)
    return made


def post(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Rows posted to an address, under any name the receiver knows."""
    yield from _post(api, rows, api.mode)


def post_deleted(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    yield from _post(api, rows, "delete")


def count_calls(api: Api, row_count: int, _: Action) -> int:
    return ceil(row_count / api.parameter("rows_per_call", from_1_to_100, "1"))


destination = webhook("webhook")


def _post(api: Api, rows: list[Row], action: str) -> Iterator[Rejected | Accepted]:
    template = api.parameter("template", json.loads, "null")
    count = api.parameter("rows_per_call", from_1_to_100, "1")
    said = [_said(api, row, action) for row in rows]
    packs = {
        _call_id(pack, count): pack
        for pack in (said[start : start + count] for start in range(0, len(said), count))
    }
    # Copied for each call: to look the digest up by its name costs as much as to sign.
    seal = hmac.new(api.parameter("secret", _secret), digestmod="sha256")
    calls = (
        Call(call_id, "POST", api.arguments["url"], body, _signed(api, call_id, body, seal), True)
        for call_id, pack in packs.items()
        if (body := _body(api, pack, action, template, is_alone=count == 1))
    )
    # What is refused in a call with others, the one to blame is looked for.
    stops = STOPS if count == 1 else (*STOPS, "rows")
    for call, answer in attempt_each(api, calls, stops):
        pack = packs[call.key]
        if isinstance(answer, Refused):
            yield Rejected(pack[0].key, answer.words)
        else:
            yield from _words(pack, answer)


def _call_id(pack: list[Said], count: int) -> str:
    ids = [one.id for one in pack]
    return ids[0] if count == 1 else _digest(*ids)


def _body(api: Api, pack: list[Said], action: str, template: Any, *, is_alone: bool) -> bytes:
    if template is not None:
        filled = [_fill(template, _values(api, template, one, action)) for one in pack]
        return on_wire(filled[0] if is_alone else filled)
    rows = [{"id": one.id, "key": one.key, "fields": orjson.Fragment(one.in_json)} for one in pack]
    return on_wire({"type": f"{api.object}.{action}", "rows": rows})


def _said(api: Api, row: Row, action: str) -> Said:
    """A row as the receiver gets it.

    What is appended has one id for ever. Anything else may be said again, with the same words, in
    another run, and must then not pass for a repetition.
    """
    key, fields = api.key_of(row), {**row, api.key: in_json(row[api.key])}
    written = on_wire(fields)
    told = () if action == "append" else (api.run_id, written.decode())
    name = _digest(api.destination, api.object, action, key, *told)
    return Said(name, key, fields, written)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _signed(api: Api, call_id: str, body: bytes, seal: hmac.HMAC) -> Headers:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    moment_s = str(int(time.time()))
    sealed = seal.copy()
    sealed.update(b".".join((call_id.encode(), moment_s.encode(), body)))
    mark = base64.b64encode(sealed.digest()).decode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": call_id,
        "webhook-id": call_id,
        "webhook-timestamp": moment_s,
        "webhook-signature": f"v1,{mark}",
    }
    authorization = api.arguments.get("authorization")
    return headers | {"Authorization": authorization} if authorization else headers


def _secret(told: str) -> bytes:
    """The bytes behind whsec_…, or those of any other secret's text."""
    if told.startswith("whsec_"):
        return base64.b64decode(told.removeprefix("whsec_"), validate=True)
    return told.encode()


def _words(pack: list[Said], answer: Any) -> Iterator[Rejected | Accepted]:
    """A receiver may name rows it does not take, by key; what it says else is its own affair."""
    named = answer.get("rejected") if isinstance(answer, dict) else None
    refused = {
        str(one.get("key")): one
        for one in (named if isinstance(named, list) else ())
        if isinstance(one, dict)
    }
    for key in (one.key for one in pack):
        if key not in refused:
            # Said at once: a call refused later does not make this one go again.
            yield Accepted(key)
            continue
        code = refused[key].get("code")
        reason = str(refused[key].get("reason") or code or "refused without a reason")
        yield Rejected(key, reason, None if code is None else str(code))


def _values(api: Api, template: Any, said: Said, action: str) -> dict[str, Any]:
    """What a template may name; BadParameter where it names anything else."""
    values = said.fields | {"_key": said.key, "_id": said.id, "_action": action}
    if unknown := set(PLACE.findall(json.dumps(template, ensure_ascii=False))) - set(values):
        named, known = ", ".join(sorted(unknown)), ", ".join(values)
        raise BadParameter(api.destination, "template", f"no field {named}; there are {known}")
    return values


def _fill(template: Any, values: dict[str, Any]) -> Any:
    """The template with a row's values: alone in a text they keep their type."""
    match template:
        case dict():
            return {name: _fill(inner, values) for name, inner in template.items()}
        case list():
            return [_fill(inner, values) for inner in template]
        case str() if whole := PLACE.fullmatch(template):
            return values[whole[1]]
        case str():
            return PLACE.sub(lambda place: _text(values[place[1]]), template)
        case _:
            return template


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
