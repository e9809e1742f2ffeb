"""What a tool says in its own way: by a header, in the body, or wanting its login otherwise."""

from dataclasses import replace

import pytest
from answered_tool import FINE, opened, tool
from answering import Answer, Answering, Sleeper, in_turn

from destinations.answers import Reply
from destinations.errors import Refused
from destinations.login import basic, bearer, client_credentials


def test_a_tool_may_say_how_long_it_is_busy_in_the_ratelimit_header() -> None:
    sleeper = Sleeper()
    busy = Answer(429, headers={"RateLimit-Limit": "1000", "RateLimit-Reset": "17"})
    assert opened(Answering(in_turn(busy, FINE)), sleeper).call("GET", "/") == {"fine": True}
    assert sleeper.slept == [17.0]


def test_a_ratelimit_header_of_a_tool_that_is_down_is_about_something_else() -> None:
    sleeper = Sleeper()
    down = Answer(503, headers={"RateLimit-Reset": "17"})
    opened(Answering(in_turn(down, FINE)), sleeper).call("GET", "/")
    assert sleeper.slept == [1.0]


def test_what_an_answer_means_can_be_another_status_than_it_has() -> None:
    def means(response: Reply) -> int:
        return int(response.json()["status"])

    destination = replace(tool(bearer("token"), "token"), means=means)
    transport, sleeper = (
        Answering(in_turn(*(Answer(200, {"status": one}) for one in CODES))),
        Sleeper(),
    )
    api = destination.open({"token": "s3cret"}, "id", transport=transport, sleep=sleeper.sleep)
    assert api.call("GET", "/") == {"status": 207}
    with pytest.raises(Refused) as refusal:
        api.call("GET", "/")
    assert (refusal.value.status, refusal.value.about, sleeper.slept) == (413, "rows", [1.0, 2.0])


CODES = (503, 429, 207, 413)


def test_a_token_can_be_asked_for_in_the_query() -> None:
    transport = Answering(in_turn(Answer(200, {"access_token": "t1"}), FINE))
    destination = tool(client_credentials("/token", in_query=True), "client_id", "client_secret")
    arguments = {"client_id": "me", "client_secret": "s h"}
    destination.open(arguments, "id", transport=transport).call("GET", "/")
    assert transport.asked[0].url == (
        "https://tool.test/api/token?grant_type=client_credentials&client_id=me&client_secret=s+h"
    )
    assert transport.asked[1].headers["Authorization"] == "Bearer t1"


def test_a_key_may_stand_alone_in_a_basic_login() -> None:
    transport = Answering(in_turn(FINE))
    api = tool(basic("key"), "key").open({"key": "s3cret"}, "id", transport=transport)
    api.call("GET", "/")
    assert transport.asked[0].headers["Authorization"] == "Basic czNjcmV0Og=="


def test_a_tool_that_says_it_has_no_room_left_is_not_asked_before_it_has() -> None:
    sleeper = Sleeper()
    last = Answer(200, {}, {"RateLimit-Remaining": "0", "RateLimit-Reset": "41"})
    some = Answer(200, {}, {"RateLimit-Remaining": "7", "RateLimit-Reset": "41"})
    api = opened(Answering(in_turn(some, last, FINE)), sleeper)
    for _ in range(2):
        api.call("GET", "/")
    assert sleeper.slept == []
    api.call("GET", "/")
    assert [round(pause) for pause in sleeper.slept] == [41]
