"""Several calls in the air: never more than said, and one that goes wrong harms no other."""

import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from answering import Sleeper
from speaking import Heard, Speaking, fine, speaking
from taking import NOON

from cdp_assets import sending
from cdp_assets.outgoing import aim
from cdp_assets.sending import Workshop
from destinations.api import Api
from destinations.errors import BadParameter, Refused, RetryLater
from destinations.flight import Call, attempt_each
from destinations.pace import Rate
from destinations.rows import Outcome, Row
from destinations.webhook import destination
from sandbox.webhook import SECRET
from warehouse import ledger
from warehouse.sync import Sync

ROWS: list[Row] = [{"user_id": f"u{number}"} for number in range(1, 13)]
KEYS = [row["user_id"] for row in ROWS]
ALL = Outcome(dict.fromkeys(KEYS), {})
BUSY = fine(status="429 Too Many", headers="Retry-After: 3\r\n")


def opened(tool: Speaking, sleeper: Sleeper | None = None, **more: Any) -> Api:
    arguments = {"url": f"{tool.url}/in", "secret": SECRET, **more}
    sleep = (sleeper or Sleeper()).sleep
    return destination.open(arguments, "user_id", run_id="r1", name="people", sleep=sleep)


def send(api: Api) -> Outcome:
    return destination.objects["*"].send_batch(api, ROWS)


def key_of(heard: Heard) -> str:
    return str(orjson.loads(heard.body)["rows"][0]["key"])


def once(key: str, said: bytes | None) -> Callable[[Heard], bytes | None]:
    """Says it to the first call about that key, and takes all others."""
    left = {key: said}
    return lambda heard: left.pop(key_of(heard), fine()) if key_of(heard) == key else fine()


class Crowd:
    """Answers nobody before so many are there at once."""

    def __init__(self, size: int):
        self.size, self.there, self.most = size, 0, 0
        self.changed = threading.Condition()

    def speak(self, _: Heard) -> bytes:
        with self.changed:
            self.there += 1
            self.most = max(self.most, self.there)
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.most >= self.size, timeout=10)
        time.sleep(0.02)
        with self.changed:
            self.there -= 1
        return fine()


@pytest.mark.parametrize(
    ("told", "most"), [({}, 8), ({"parallel": "1"}, 1), ({"parallel": "3"}, 3)]
)
def test_so_many_calls_as_are_said_are_in_the_air_at_once(told: dict[str, str], most: int) -> None:
    crowd = Crowd(most)
    with speaking(crowd.speak) as tool:
        assert send(opened(tool, **told)) == ALL
    assert (crowd.most, tool.connections) == (most, most)
    assert sorted(map(key_of, tool.heard)) == sorted(KEYS)


@pytest.mark.parametrize("told", ["0", "101", "many"])
def test_how_many_is_a_number_from_1_to_100(told: str) -> None:
    with (
        speaking(lambda _: fine()) as tool,
        pytest.raises(BadParameter, match="DESTINATIONS__WEBHOOK__PARALLEL cannot be read"),
    ):
        send(opened(tool, parallel=told))
    assert tool.heard == []


def test_a_busy_answer_halts_all_for_as_long_as_it_says() -> None:
    # Of the first eight it may be the last that lands; of a hundred it is not.
    keys = [f"u{number}" for number in range(1, 101)]
    sleeper, heard_before = Sleeper(), []
    with speaking(once("u2", BUSY)) as tool:

        def sleep(seconds: float) -> None:
            heard_before.append(len(tool.heard))
            sleeper.sleep(seconds)

        api = opened(tool)
        api.pace.sleep = sleep
        rows: list[Row] = [{"user_id": key} for key in keys]
        assert destination.objects["*"].send_batch(api, rows) == Outcome(dict.fromkeys(keys), {})
    assert sleeper.slept == [3.0]
    assert heard_before[0] < len(keys)
    again = [key_of(heard) for heard in tool.heard[heard_before[0] :]]
    assert again[0] == "u2"
    assert sorted(map(key_of, tool.heard)) == sorted([*keys, "u2"])


def test_of_many_one_that_is_cut_goes_again_alone() -> None:
    with speaking(once("u2", None)) as tool:
        api = opened(tool)
        assert send(api) == ALL
    assert sorted(map(key_of, tool.heard)) == sorted([*KEYS, "u2"])
    assert api.lost == 1


def test_a_refused_row_among_many_is_refused_alone() -> None:
    with speaking(once("u2", fine(b'{"message": "no"}', "422 No"))) as tool:
        outcome = send(opened(tool))
    assert outcome.rejected == {"u2": "no"}
    assert list(outcome.accepted) != KEYS
    assert set(outcome.accepted) == set(KEYS) - {"u2"}


def test_a_refused_login_stops_once_all_in_the_air_are_told() -> None:
    is_refused = threading.Event()

    def speak(heard: Heard) -> bytes:
        if key_of(heard) == "u2":
            is_refused.set()
            return fine(b"who?", "401 No")
        is_refused.wait(timeout=10)
        time.sleep(0.05)  # the refusal is there first
        return fine()

    with speaking(speak) as tool:
        with pytest.raises(Refused, match=r"refused the login with 401: who\?") as refusal:
            send(opened(tool))
        sent = set(map(key_of, tool.heard))
    assert refusal.value.settled.accepted.keys() == sent - {"u2"}
    assert len(sent) < len(ROWS)


def test_busy_for_longer_than_we_wait_leaves_what_was_cut_in_doubt() -> None:
    def speak(heard: Heard) -> bytes | None:
        return None if key_of(heard) == "u3" else BUSY.replace(b": 3", b": 300")

    with speaking(speak) as tool, pytest.raises(RetryLater) as busy:
        send(opened(tool, parallel="3"))
    assert (busy.value.settled, busy.value.is_unsure) == (Outcome(), True)


def test_a_tool_that_is_not_there_leaves_nothing_in_doubt() -> None:
    with speaking(lambda _: fine()) as tool:
        api = opened(tool)
    with pytest.raises(RetryLater) as busy:
        send(api)
    assert (busy.value.settled, busy.value.is_unsure) == (Outcome(), False)


def test_a_slow_answer_holds_up_no_other() -> None:
    last = threading.Event()

    def speak(heard: Heard) -> bytes:
        place = heard.line.split()[1]
        if place == "/in/19":
            last.set()
        assert place != "/in/0" or last.wait(timeout=10)
        return fine(orjson.dumps(place))

    with speaking(speak) as tool:
        calls = [Call(str(number), "GET", f"{tool.url}/in/{number}") for number in range(20)]
        told = [(call.key, answer) for call, answer in attempt_each(opened(tool), calls)]
    assert sorted(told) == sorted((str(number), f"/in/{number}") for number in range(20))
    assert ("0", "/in/0") in told[-8:]


def test_what_waits_for_the_pace_holds_up_nothing_that_was_launched() -> None:
    arrived = {place: threading.Event() for place in ("/in/0", "/in/1", "/in/2")}
    seen: list[bool] = []

    def speak(heard: Heard) -> bytes:
        arrived[heard.line.split()[1]].set()
        return fine(b"1")

    with speaking(speak) as tool:
        api = opened(tool)
        api.pace.rate = Rate(2, per_s=60)
        api.pace.sleep = lambda _: seen.append(arrived["/in/1"].wait(timeout=10))
        first, *others = [Call(str(n), "GET", f"{tool.url}/in/{n}") for n in range(3)]
        told = [*attempt_each(api, [first]), *attempt_each(api, others)]
    assert sorted((call.key, answer) for call, answer in told) == [("0", 1), ("1", 1), ("2", 1)]
    assert seen == [True]


class Killed(BaseException):
    """The process ends here."""


def test_a_death_with_several_in_the_air_leaves_what_was_sent_unknown(workshop: Workshop) -> None:
    sync = Sync("own", "syncs.own", "user_id")
    with workshop.connect() as db:
        listed = ", ".join(f"('{key}')" for key in KEYS)
        db.materialize(sync.table, f"from (values {listed}) as v (user_id)")
    with speaking(lambda _: fine()) as tool:
        api, left = opened(tool), iter(range(26))

        def now() -> float:
            if next(left, None) is None:
                raise Killed
            return 0.0

        api.pace.now = now
        target = aim(destination.objects["*"], api)
        with pytest.raises(Killed):
            sending.run(sync, target, workshop, "r1", lambda: NOON)
        before = len(tool.heard)
        target = aim(destination.objects["*"], opened(tool))
        report = sending.run(sync, target, workshop, "r2", lambda: NOON)
        again = [key_of(heard) for heard in tool.heard[before:]]
    assert len(KEYS) < len(tool.heard) < 2 * len(KEYS)
    assert (report.planned, report.accepted, set(again)) == (12, 12, set(KEYS))
    with workshop.connect() as db:
        states = db.run("select distinct run_id, state from ledger.outbox order by 1")
        assert states == [("r1", "unknown"), ("r2", "accepted")]
        assert ledger.unbalanced(db, sync) == []
