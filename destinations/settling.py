"""What a tool says of a batch, settled row by row: no row is left without an answer."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from destinations.api import Api
from destinations.errors import DestinationError, Refused, StrayKey
from destinations.rows import Accepted, Merge, Outcome, Rejected, Row

Words = Iterator[Rejected | Accepted]
# What may be, or hold, a number that is none: most rows have nothing of the kind.
NUMBERED = {float, list, dict}
Deliver = Callable[[Api, list[Any]], Words]


def deliver(send: Deliver, api: Api, items: dict[str, Any]) -> Outcome:
    """Hand rows or merges, by key, to a connector's function: its word on every one of them.

    What stops it on the way carries in `settled` what the tool had said until then.
    """
    outcome, answered = Outcome(), api.answered
    for key, item in items.items():
        if reason := _unspeakable(item):
            outcome.note(Rejected(key, reason))
    try:
        _settle(send, api, _left(items, outcome), outcome)
    except DestinationError as error:
        error.settled = outcome
        # Some of the rows that were not spoken of may have been in a call that went well.
        error.is_unsure = error.is_unsure or api.answered > answered
        raise
    return outcome


def _settle(send: Deliver, api: Api, items: dict[str, Any], outcome: Outcome) -> None:
    """Send rows and note what the tool says of each.

    A batch refused for what is in it is halved until the culprit stands alone: one bad row costs
    some calls, never its neighbours.
    """
    if not items:
        return
    try:
        for word in send(api, list(items.values())):
            if word.key not in items:
                raise StrayKey(api.destination, word.key)
            outcome.note(word)
    except Refused as refusal:
        if refusal.about != "rows":
            raise
        _halve(send, api, _left(items, outcome), outcome, refusal)
    else:
        for key in _left(items, outcome):
            outcome.note(Accepted(key))


def _halve(
    send: Deliver,
    api: Api,
    items: dict[str, Any],
    outcome: Outcome,
    refusal: Refused,
) -> None:
    keys = list(items)
    if len(keys) == 1:
        code = refusal.status if isinstance(refusal.status, str) else None
        outcome.note(Rejected(keys[0], refusal.words, code))
        return
    for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
        _settle(send, api, {key: items[key] for key in half}, outcome)


def _left(items: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    known = outcome.accepted.keys() | outcome.rejected.keys()
    return {key: item for key, item in items.items() if key not in known} if known else items


def _unspeakable(row: Row | Merge) -> str | None:
    """Why no tool could be told this row: JSON has no word for infinity or for no number."""
    if isinstance(row, dict) and not NUMBERED.isdisjoint(map(type, row.values())):
        for name, value in row.items():
            for number in _endless(value):
                where = "is" if number is value else "has"
                return f"{name} {where} {number}, which is no number that can be sent"
    return None


def _endless(value: Any) -> Iterator[float]:
    """The infinite numbers, and those that are none, in a value."""
    match value:
        case float() if not math.isfinite(value):
            yield value
        case list() | tuple():
            for one in value:
                yield from _endless(one)
        case dict():
            yield from _endless(list(value.values()))
