"""What a connector file declares, and how its rows are settled."""

import math
from collections.abc import Iterator

import pytest
from answering import Answer, Answering, Asked, Sleeper, in_turn

from destinations.api import Api
from destinations.destination import Destination, Send
from destinations.errors import (
    MissingSecret,
    NoDelete,
    NoMerge,
    RetryLater,
    StrayKey,
    UnknownMode,
    UnknownParameter,
)
from destinations.login import bearer
from destinations.pace import Rate
from destinations.rows import (
    Accepted,
    FieldSpec,
    Merge,
    Outcome,
    Rejected,
    Row,
    packs,
    size,
)

FINE = Answer(200, {"fine": True})


def tool(*secrets: str) -> Destination:
    return Destination(
        name="tool",
        base_url="https://tool.test",
        secrets=secrets,
        authenticate=bearer("token"),
        rate=Rate(1000, per_s=1),
    )


def opened(transport: Answering) -> Api:
    arguments = {"token": "s3cret"}
    return tool("token").open(arguments, "email", transport=transport, sleep=Sleeper().sleep)


def test_a_missing_secret_names_the_variable_and_those_that_are_set() -> None:
    destination = tool("site_id", "api_key")
    with pytest.raises(MissingSecret) as missing:
        destination.open({"site_id": "site", "base_url": "http://x"}, "id")
    assert str(missing.value) == (
        "Destination tool needs DESTINATIONS__TOOL__API_KEY. Set for it so far: "
        "DESTINATIONS__TOOL__BASE_URL, DESTINATIONS__TOOL__SITE_ID."
    )


def test_an_empty_secret_is_missing() -> None:
    with pytest.raises(MissingSecret, match="Set for it so far: nothing"):
        tool("token").open({"token": ""}, "id")


def test_a_misspelt_parameter_is_told() -> None:
    with pytest.raises(UnknownParameter) as unknown:
        tool("token").open({"token": "s3cret", "base_ulr": "http://x"}, "id")
    assert str(unknown.value) == (
        "Destination tool does not know DESTINATIONS__TOOL__BASE_ULR. "
        "It knows DESTINATIONS__TOOL__TOKEN, DESTINATIONS__TOOL__BASE_URL."
    )


ROWS: list[Row] = [{"email": key} for key in "abcdefgh"]


def outcome_of(send: Send, rows: list[Row], *answers: Answer | Exception) -> Outcome:
    made = tool("token").object(key="email", batch_size=10)(send)
    return made.send_batch(opened(Answering(in_turn(*(answers or [FINE])))), rows)


def test_a_row_that_is_not_mentioned_was_accepted() -> None:
    def send(_: Api, __: list[Row]) -> Iterator[Rejected | Accepted]:
        yield Rejected("a", "too short")
        yield Accepted("b", "77")

    assert outcome_of(send, ROWS[:3]) == Outcome({"b": "77", "c": None}, {"a": "too short"})


def test_a_key_of_no_row_is_the_connectors_mistake() -> None:
    def send(_: Api, __: list[Row]) -> Iterator[Rejected | Accepted]:
        yield Rejected("z", "who?")

    with pytest.raises(StrayKey, match=r"destinations/tool\.py spoke of the row 'z'"):
        outcome_of(send, ROWS[:3])


def test_a_number_that_json_cannot_say_costs_its_row_only() -> None:
    def send(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
        api.call("POST", "/", rows)
        yield from ()

    rows: list[Row] = [
        {"email": "a", "spend": math.inf},
        {"email": "b", "spend": 1.5, "scores": [0.5]},
        {"email": "c", "scores": [{"first": 0.5, "last": math.nan}]},
    ]
    assert outcome_of(send, rows) == Outcome(
        {"b": None},
        {
            "a": "spend is inf, which is no number that can be sent",
            "c": "scores has nan, which is no number that can be sent",
        },
    )


@pytest.mark.parametrize("culprits", ["d", "ah", "abcdefgh"])
def test_a_batch_refused_as_a_whole_is_halved_until_the_culprits_stand_alone(culprits: str) -> None:
    batches = []

    def answer(asked: Asked) -> Answer:
        batches.append("".join(row["email"] for row in asked.body))
        bad = set(batches[-1]) & set(culprits)
        return Answer(400, {"message": f"{min(bad)} is bad"}) if bad else FINE

    def send(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
        api.call("POST", "/", rows)
        yield from ()

    made = tool("token").object(key="email", batch_size=10)(send)
    outcome = made.send_batch(opened(Answering(answer)), ROWS)
    assert outcome.rejected == {key: f"{key} is bad" for key in culprits}
    assert outcome.accepted == {key: None for key in "abcdefgh" if key not in culprits}
    if culprits == "d":
        assert batches == ["abcdefgh", "abcd", "ab", "cd", "c", "d", "efgh"]


def test_what_was_settled_before_the_tool_became_busy_is_not_lost() -> None:
    def send(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
        api.call("POST", "/", rows)
        yield from ()

    transport = Answering(in_turn(Answer(400), FINE, Answer(429, headers={"Retry-After": "900"})))
    made = tool("token").object(key="email", batch_size=10)(send)
    with pytest.raises(RetryLater) as later:
        made.send_batch(opened(transport), ROWS[:4])
    assert later.value.settled == Outcome({"a": None, "b": None}, {})


def test_an_object_that_cannot_delete_says_so() -> None:
    def things(_: Api, __: list[Row]) -> Iterator[Rejected | Accepted]:
        yield from ()

    made = tool("token").object(key="email", batch_size=10)(things)
    with pytest.raises(NoDelete, match=r"^tool\.things cannot delete\. Use `mode: upsert`"):
        made.delete_batch(opened(Answering(in_turn(FINE))), ROWS)


def take_all(_: Api, __: list[Row]) -> Iterator[Rejected | Accepted]:
    yield from ()


def test_the_code_and_the_kind_of_a_refusal_are_kept_where_the_tool_tells_them() -> None:
    def send(_: Api, __: list[Row]) -> Iterator[Rejected | Accepted]:
        yield Rejected("a", "no such field", "INVALID_FIELD", "mapping")
        yield Rejected("b", "too short")

    assert outcome_of(send, ROWS[:2]) == Outcome(
        {}, {"a": "no such field", "b": "too short"}, {"a": ("INVALID_FIELD", "mapping")}
    )


def test_an_object_has_the_modes_it_declares_and_mirror_where_it_can_delete() -> None:
    declare = tool().object(key="id", batch_size=10, modes=("upsert", "update", "create"))
    made = declare(take_all)
    assert made.modes == ("upsert", "update", "create")
    made.delete(take_all)
    assert made.modes == ("upsert", "update", "create", "mirror")

    events = tool().object(key="id", batch_size=10, modes=("append",), name="events")(take_all)
    events.delete(take_all)
    assert events.modes == ("append",)
    assert (events.is_partial, tool().object(key="id", batch_size=1)(take_all).modes) == (
        False,
        ("upsert",),
    )


def test_a_mode_that_there_is_not_is_the_connectors_mistake() -> None:
    with pytest.raises(UnknownMode) as unknown:
        tool().object(key="id", batch_size=10, modes=("upsert", "mirror"))(take_all)
    assert str(unknown.value) == (
        "tool.take_all declares the mode mirror; there are: upsert, update, create, append, "
        "snapshot."
    )


def test_a_connector_is_told_the_mode_and_the_run() -> None:
    def mode_of(mode: str) -> tuple[str, str]:
        api = tool("token").open({"token": "s3cret"}, "email", mode=mode, run_id="r1")
        return api.mode, api.run_id

    assert [mode_of(mode) for mode in ("mirror", "create")] == [("upsert", "r1"), ("create", "r1")]


def test_two_records_are_merged_by_the_key_of_the_one_that_goes() -> None:
    made = tool("token").object(key="email", batch_size=10)(take_all)
    merges = [Merge("a", "1", "c", "3"), Merge("b", None, "c", "3")]
    api = opened(Answering(in_turn(FINE)))
    with pytest.raises(NoMerge, match=r"^tool\.take_all cannot merge\. Add a function under"):
        made.merge_batch(api, merges)

    @made.merge
    def unite(_: Api, given: list[Merge]) -> Iterator[Rejected | Accepted]:
        for one in given:
            if one.record_id:
                yield Accepted(one.key)
            else:
                yield Rejected(one.key, f"no id; {one.into_key} is {one.into_record_id}")

    assert made.merge_batch(api, merges) == Outcome({"a": None}, {"b": "no id; c is 3"})


def test_what_an_object_can_do_besides_is_declared_beside_it() -> None:
    made = tool("token").object(key="email", batch_size=10)(take_all)
    assert (made.read_back, made.specify, made.close) == (None, None, None)
    closed: list[str] = []

    @made.read
    def read(_: Api, keys: list[str]) -> dict[str, Row]:
        return {key: {"email": key} for key in keys}

    @made.describe
    def describe(_: Api) -> dict[str, FieldSpec]:
        return {"email": FieldSpec("string", length=80, is_required=True)}

    @made.finish
    def finish(api: Api) -> None:
        closed.append(api.run_id)

    api = tool("token").open({"token": "s3cret"}, "email", run_id="r1")
    assert made.read_back is not None
    assert made.specify is not None
    assert made.close is not None
    made.close(api)
    assert made.read_back(api, ["a"]) == {"a": {"email": "a"}}
    (field,) = made.specify(api).values()
    assert (field.length, field.choices, field.is_required, field.is_writable) == (
        80,
        None,
        True,
        True,
    )
    assert closed == ["r1"]


def test_packs_stay_under_the_limit_and_keep_the_order() -> None:
    items = {str(number): {"text": "🚀" * number} for number in range(1, 40)}
    made = list(packs(items, 1500))
    assert [key for pack in made for key in pack] == list(items)
    assert all(sum(map(size, pack.values())) <= 1500 for pack in made)
    assert len(made) > 1


def test_an_object_named_by_a_pattern_stands_for_all_names_like_it() -> None:
    def send(_: Api, __: list[Row]) -> Iterator[Rejected | Accepted]:
        yield from ()

    destination = tool("token")
    made = {
        name: destination.object(key=None, batch_size=1, name=name)(send)
        for name in ("*.csv", "people", "*__c")
    }
    asked = ("people", "x.csv", "a.b.csv", "Order__c", "x.xml")
    found = [destination.thing(name) for name in asked]
    assert found == [made["people"], made["*.csv"], made["*.csv"], made["*__c"], None]
