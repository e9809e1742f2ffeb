"""What a tool says of a batch, settled row by row: no row is left without an answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from destinations.api import Api
from destinations.errors import DestinationError, Refused, StrayKey
from destinations.rows import Accepted, Outcome, Rejected, Taken

Words = Iterator[Rejected | Accepted | Taken]
Deliver = Callable[[Api, list[Any]], Words]


def deliver(
    send: Deliver, api: Api, items: dict[str, Any], unspeakable: Mapping[str, str]
) -> Outcome:
    """Hand rows or merges, by key, to a connector's function: its word on every one of them.

    The unspeakable are rejected without a call, for the reason given. What stops it on the way
    carries in `settled` what the tool had said until then.
    """
    outcome, answered = Outcome(rejected=dict(unspeakable)), api.answered
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
            spoken_of = word.record_ids.keys() if isinstance(word, Taken) else {word.key}
            if not spoken_of <= items.keys():
                raise StrayKey(api.destination, min(spoken_of - items.keys()))
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
    if items.keys() <= outcome.accepted.keys():
        return {}
    known = outcome.accepted.keys() | outcome.rejected.keys()
    return {key: item for key, item in items.items() if key not in known} if known else items
