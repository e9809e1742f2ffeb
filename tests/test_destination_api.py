"""What HTTP answers mean, for every connector: login, pace, patience, refusals."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from answered_tool import FINE, opened, tool
from answering import Answer, Answering, Asked, Sleeper, in_turn

from destinations.api import Api
from destinations.errors import Refused, RetryLater, Unanswered
from destinations.login import basic, bearer, client_credentials
from destinations.pace import Pace, Rate


def renewing(transport: Answering, sleeper: Sleeper | None = None) -> Api:
    arguments = {"client_id": "me", "client_secret": "shh"}
    destination = tool(client_credentials("/token"), "client_id", "client_secret")
    sleep = (sleeper or Sleeper()).sleep
    return destination.open(arguments, "email", transport=transport, sleep=sleep)


def test_a_call_is_signed_and_its_answer_is_the_json() -> None:
    transport = Answering(in_turn(FINE))
    assert opened(transport).call("POST", "/things", {"name": "O'Brien 🚀"}) == {"fine": True}
    [asked] = transport.asked
    assert (asked.method, asked.url) == ("POST", "https://tool.test/api/things")
    assert asked.body == {"name": "O'Brien 🚀"}
    assert asked.headers["Authorization"] == "Bearer s3cret"


def test_basic_login_sends_both_parameters() -> None:
    transport = Answering(in_turn(Answer(204)))
    destination = tool(basic("site_id", "api_key"), "site_id", "api_key")
    api = destination.open({"site_id": "site", "api_key": "key"}, "id", transport=transport)
    assert api.call("GET", "/") is None
    assert transport.asked[0].headers["Authorization"] == "Basic c2l0ZTprZXk="


def test_base_url_can_be_set() -> None:
    transport = Answering(in_turn(FINE))
    arguments = {"token": "s3cret", "base_url": "http://127.0.0.1:8700/tool"}
    tool(bearer("token"), "token").open(arguments, "id", transport=transport).call("GET", "/x")
    assert transport.asked[0].url == "http://127.0.0.1:8700/tool/x"


def test_a_token_is_fetched_once_and_again_when_it_has_expired() -> None:
    transport = Answering(
        in_turn(
            Answer(200, {"access_token": "one"}),
            FINE,
            Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]),
            Answer(200, {"access_token": "two"}),
            FINE,
        )
    )
    api = renewing(transport)
    assert [api.call("GET", "/a"), api.call("GET", "/b")] == [{"fine": True}] * 2
    assert [(asked.url[21:], asked.headers.get("Authorization")) for asked in transport.asked] == [
        ("/token", None),
        ("/a", "Bearer one"),
        ("/b", "Bearer one"),
        ("/token", None),
        ("/b", "Bearer two"),
    ]
    assert transport.asked[0].body == (
        "grant_type=client_credentials&client_id=me&client_secret=shh"
    )


def test_a_fresh_token_that_is_refused_too_stops() -> None:
    def answer(asked: Asked) -> Answer:
        token = asked.url.endswith("/token")
        return Answer(200, {"access_token": "x" * 20}) if token else Answer(401, "bad " + "x" * 20)

    transport = Answering(answer)
    with pytest.raises(Refused, match=r"^tool refused the login with 401: bad \*\*\*\. Look at"):
        renewing(transport).call("GET", "/a")
    assert len(transport.asked) == 4


def test_a_busy_token_endpoint_is_a_busy_tool() -> None:
    sleeper = Sleeper()
    transport = Answering(
        in_turn(
            Answer(429, headers={"Retry-After": "7"}),
            Answer(503),
            Answer(200, {"access_token": "one"}),
            FINE,
        )
    )
    assert renewing(transport, sleeper).call("GET", "/a") == {"fine": True}
    assert sleeper.slept == [7.0, 2.0]


def test_refused_credentials_stop_and_no_secret_is_told() -> None:
    said = {"error": "invalid_client", "error_description": "secret shh is wrong"}
    with pytest.raises(Refused) as refusal:
        renewing(Answering(in_turn(Answer(400, said)))).call("GET", "/a")
    assert str(refusal.value) == (
        "tool refused the login with 400: invalid_client: secret *** is wrong. "
        "Look at DESTINATIONS__TOOL__*."
    )


@pytest.mark.parametrize("status", [408, 423, 429, 477, 500, 502, 503, 504, 524])
def test_a_busy_tool_is_asked_again(status: int) -> None:
    sleeper = Sleeper()
    transport = Answering(in_turn(Answer(status), Answer(status), FINE))
    assert opened(transport, sleeper).call("POST", "/things", {}) == {"fine": True}
    assert sleeper.slept == [1.0, 2.0]


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("cut"),
        requests.Timeout("slow"),
        requests.exceptions.ChunkedEncodingError("half"),
    ],
)
def test_a_cut_connection_is_tried_again(error: Exception) -> None:
    transport = Answering(in_turn(error, FINE))
    assert opened(transport).call("POST", "/things", {"a": 1}) == {"fine": True}
    assert [asked.body for asked in transport.asked] == [{"a": 1}, {"a": 1}]


def test_retry_after_is_obeyed_in_seconds_and_as_a_date() -> None:
    sleeper = Sleeper()
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    transport = Answering(
        in_turn(
            Answer(429, headers={"Retry-After": "3"}),
            Answer(503, headers={"Retry-After": date}),
            FINE,
        )
    )
    opened(transport, sleeper).call("GET", "/")
    assert sleeper.slept[0] == 3.0
    assert 18 < sleeper.slept[1] <= 20


def test_hubspots_window_is_the_pause_where_there_is_no_retry_after() -> None:
    sleeper = Sleeper()
    busy = Answer(429, headers={"X-HubSpot-RateLimit-Interval-Milliseconds": "10000"})
    opened(Answering(in_turn(busy, FINE)), sleeper).call("GET", "/")
    assert sleeper.slept == [10.0]


def test_a_tool_that_stays_busy_is_left_for_later() -> None:
    sleeper = Sleeper()
    transport = Answering(in_turn(Answer(503, "down for\n maintenance")))
    with pytest.raises(RetryLater) as later:
        opened(transport, sleeper).call("GET", "/")
    assert sleeper.slept == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert later.value.after_s == 60.0
    assert str(later.value) == (
        "tool is busy: 503 down for maintenance. The same rows go again in 60 s or later."
    )


def test_a_pause_longer_than_our_patience_is_not_begun() -> None:
    sleeper = Sleeper()
    transport = Answering(in_turn(Answer(429, headers={"Retry-After": "86400"})))
    with pytest.raises(RetryLater) as later:
        opened(transport, sleeper).call("GET", "/")
    assert (later.value.after_s, sleeper.slept, len(transport.asked)) == (86400.0, [], 1)


def test_a_used_up_quota_is_not_asked_again() -> None:
    transport = Answering(in_turn(Answer(403, [{"errorCode": "QUOTA_GONE", "message": "spent"}])))
    with pytest.raises(RetryLater, match="QUOTA_GONE: spent"):
        opened(transport).call("GET", "/")
    assert len(transport.asked) == 1


def test_an_unreachable_tool_is_named_by_its_address() -> None:
    transport = Answering(in_turn(requests.ConnectionError("no route")))
    with pytest.raises(RetryLater) as later:
        opened(transport).call("GET", "/")
    assert later.value.words == "no answer from https://tool.test/api/ (ConnectionError)"


@pytest.mark.parametrize(
    ("status", "about", "place"),
    [
        (401, "login", "DESTINATIONS__TOOL__*"),
        (403, "login", "DESTINATIONS__TOOL__*"),
        (400, "rows", "the sync that sent it"),
        (404, "request", "the sync that sent it"),
        (302, "request", "the sync that sent it"),
    ],
)
def test_a_refusal_says_what_it_is_about_and_where_to_look(
    status: int, about: str, place: str
) -> None:
    transport = Answering(in_turn(Answer(status, {"message": "no s3cret here"})))
    with pytest.raises(Refused) as refusal:
        opened(transport).call("GET", "/")
    assert refusal.value.about == about
    assert str(refusal.value) == (
        f"tool refused the {about} with {status}: no *** here. Look at {place}."
    )


def test_an_answer_that_is_no_json_is_a_refusal() -> None:
    transport = Answering(in_turn(Answer(200, "<html>Sign in to the hotel network</html>")))
    with pytest.raises(Refused, match="its answer is no JSON: <html>Sign in"):
        opened(transport).call("GET", "/")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"category": "VALIDATION_ERROR", "message": "bad"}, "VALIDATION_ERROR: bad"),
        ([{"errorCode": "NOT_FOUND", "message": "gone"}], "NOT_FOUND: gone"),
        ({"meta": {"error": "unauthorized"}}, "unauthorized"),
        ({"meta": {"errors": ["too large"]}}, "too large"),
        ({"errors": [{"reason": "required", "field": "id"}]}, "required: id"),
        ({"other": 1}, '{"other": 1}'),
        ("plain", "plain"),
    ],
)
def test_a_refusal_is_told_in_the_tools_words(body: object, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        opened(Answering(in_turn(Answer(400, body)))).call("GET", "/")
    assert refusal.value.words == words


def test_calls_keep_to_the_documented_rate() -> None:
    clock = [100.0]
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    pace = Pace(Rate(2, per_s=10), sleep, lambda: clock[0])
    for _ in range(5):
        pace.wait()
        clock[0] += 1
    assert slept == [8.0, 8.0]


def appending(transport: Answering) -> Api:
    return tool(bearer("token"), "token").open(
        {"token": "s3cret"}, "id", mode="append", may_repeat=False, transport=transport,
        sleep=Sleeper().sleep,
    )  # fmt: skip


@pytest.mark.parametrize(
    "answer", [requests.ConnectionError("cut"), requests.ReadTimeout(), Answer(500), Answer(502)]
)
def test_what_must_not_go_twice_is_not_sent_again_without_an_answer(
    answer: Answer | Exception,
) -> None:
    transport = Answering(in_turn(answer, FINE))
    with pytest.raises(Unanswered, match=r"may or may not have taken .*cdp decide SYNC") as stopped:
        appending(transport).call("POST", "/events", [1])
    assert (len(transport.asked), stopped.value.is_unsure) == (1, True)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429),
        Answer(503),
        requests.ConnectTimeout(),
        requests.ConnectionError("NewConnectionError: refused"),
    ],
)
def test_what_has_surely_not_arrived_goes_again_all_the_same(answer: Answer | Exception) -> None:
    transport = Answering(in_turn(answer, FINE))
    assert appending(transport).call("POST", "/events", [1]) == {"fine": True}


def test_questions_may_be_asked_twice_whatever_the_mode() -> None:
    transport = Answering(in_turn(Answer(500), FINE))
    assert appending(transport).call("GET", "/events") == {"fine": True}


@pytest.mark.parametrize(
    ("answer", "is_unsure"), [(Answer(429), False), (Answer(500), True)], ids=["429", "500"]
)
def test_a_tool_that_stays_busy_says_if_it_may_have_taken_rows(
    answer: Answer, is_unsure: bool
) -> None:
    with pytest.raises(RetryLater) as stopped:
        opened(Answering(in_turn(answer))).call("POST", "/things", [1])
    assert stopped.value.is_unsure == is_unsure
