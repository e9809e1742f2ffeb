"""The webhook against a receiver: signed calls, nothing done twice, and what becomes of each row."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from answering import Answer, Answering, Sleeper, in_turn
from conftest import Sandbox
from standardwebhooks.webhooks import Webhook

import destinations
from destinations.api import Api
from destinations.errors import BadParameter, Refused, RetryLater
from destinations.rows import Outcome, Row
from destinations.webhook import destination
from sandbox.webhook import SECRET

URL = "https://hooks.test/in?token=hush"
ARGUMENTS = {"url": URL, "secret": SECRET}
ANN: Row = {"user_id": "u1", "email": "ann@example.com", "plan": "pro"}
BO: Row = {"user_id": "u2", "email": "bo@example.com", "plan": None}
BAD: Row = {"user_id": "u3", "email": "nowhere", "plan": "pro"}


def opened(transport: Answering, mode: str = "upsert", **more: str) -> Api:
    arguments = {**ARGUMENTS, **more}
    return destination.open(
        arguments, "user_id", mode=mode, run_id="run-1", name="customers", transport=transport
    )


def send(api: Api, *rows: Row) -> Outcome:
    return destination.objects["*"].send_batch(api, list(rows))


@dataclass(frozen=True)
class Receiver:
    """The sandbox's receiver, and the way there of a run."""

    sandbox: Sandbox
    sleeper: Sleeper

    def open(self, run_id: str = "run-1", mode: str = "upsert", **more: str) -> Api:
        arguments = {"url": f"{self.sandbox.url}/webhook/in", "secret": SECRET, **more}
        sleep = self.sleeper.sleep
        return destination.open(
            arguments, "user_id", mode=mode, run_id=run_id, name="customers", sleep=sleep
        )

    def held(self) -> list[Row]:
        # Several calls are in the air: which of them comes first is nobody's promise.
        found = self.sandbox.records("webhook", "customers")
        return sorted(found, key=lambda row: str(row["user_id"]))


@pytest.fixture
def receiver(sandbox: Sandbox) -> Receiver:
    return Receiver(sandbox, Sleeper())


def test_a_call_is_signed_as_the_receivers_library_checks_it() -> None:
    transport = Answering(in_turn(Answer(204)))
    assert send(opened(transport), ANN) == Outcome({"u1": None}, {})
    [asked] = transport.asked
    sent = json.dumps(asked.body, separators=(",", ":"))
    said = Webhook(SECRET).verify(sent, asked.headers)
    assert (asked.method, asked.url) == ("POST", URL)
    row = {"id": asked.headers["Idempotency-Key"], "key": "u1", "fields": ANN}
    assert said == asked.body == {"type": "customers.upsert", "rows": [row]}
    assert asked.headers["webhook-id"] == asked.headers["Idempotency-Key"]


def test_the_receiver_holds_what_was_created_updated_and_deleted(receiver: Receiver) -> None:
    api = receiver.open()
    assert send(api, ANN, BO) == Outcome({"u1": None, "u2": None}, {})
    assert send(api, {**BO, "plan": "pro"}) == Outcome({"u2": None}, {})
    assert receiver.held() == [ANN, {**BO, "plan": "pro"}]
    deleted = destination.objects["*"].delete_batch(api, [ANN])
    assert (deleted, receiver.held()) == (Outcome({"u1": None}, {}), [{**BO, "plan": "pro"}])


@pytest.mark.parametrize(
    ("count", "marks"),
    [("1", {}), ("2", {"u3": ("invalid", "row")}), ("100", {"u3": ("invalid", "row")})],
)
def test_a_refused_row_among_good_ones_costs_one_row(
    receiver: Receiver, count: str, marks: dict[str, Any]
) -> None:
    outcome = send(receiver.open(rows_per_call=count), ANN, BO, BAD, {**ANN, "user_id": "u4"})
    reason = "nowhere is no e-mail address"
    assert outcome.accepted == {"u1": None, "u2": None, "u4": None}
    assert [said.removeprefix("error: ") for said in outcome.rejected.values()] == [reason]
    assert outcome.marks == marks
    assert receiver.held() == [ANN, BO, {**ANN, "user_id": "u4"}]
    calls = {one["status"]: one["count"] for one in receiver.sandbox.requests()}
    assert calls == ({200: 3, 422: 1} if count == "1" else {200: 2} if count == "2" else {200: 1})


def test_a_busy_receiver_is_waited_for(receiver: Receiver) -> None:
    receiver.sandbox.faults([{"vendor": "webhook", "status": 429, "retry_after": 3}])
    assert send(receiver.open(), ANN) == Outcome({"u1": None}, {})
    assert (receiver.sleeper.slept, receiver.held()) == ([3.0], [ANN])


@pytest.mark.parametrize("count", ["1", "2"])
def test_an_append_is_not_doubled_when_the_connection_is_cut_after_it(
    receiver: Receiver, count: str
) -> None:
    receiver.sandbox.faults([{"vendor": "webhook", "drop_after": True}])
    api = receiver.open(mode="append", rows_per_call=count)
    assert send(api, ANN, BO) == Outcome({"u1": None, "u2": None}, {})
    assert receiver.held() == [ANN, BO]


def test_an_append_is_not_doubled_by_another_run_that_sends_it_with_others(
    receiver: Receiver,
) -> None:
    send(receiver.open("run-1", "append", rows_per_call="2"), ANN)
    send(receiver.open("run-2", "append", rows_per_call="2"), ANN, BO)
    assert receiver.held() == [ANN, BO]


def test_a_value_that_comes_back_in_a_later_run_is_no_repetition(receiver: Receiver) -> None:
    for run_id, plan in (("run-1", "pro"), ("run-2", "free"), ("run-3", "pro")):
        send(receiver.open(run_id), {**ANN, "plan": plan})
    assert receiver.held() == [ANN]


@pytest.mark.parametrize(
    ("count", "body"),
    [
        (
            "1",
            {"text": "Ann O'Brien pays 12.5: true", "amount": 12.5, "note": None, "tags": ["u1"]},
        ),
        (
            "2",
            [
                {
                    "text": "Ann O'Brien pays 12.5: true",
                    "amount": 12.5,
                    "note": None,
                    "tags": ["u1"],
                },
                {"text": "Bo pays : false", "amount": None, "note": "null", "tags": ["u2"]},
            ],
        ),
    ],
)
def test_a_template_says_it_in_the_receivers_words(count: str, body: Any) -> None:
    template = {
        "text": "{{ name }} pays {{amount}}: {{is_new}}",
        "amount": "{{amount}}",
        "note": "{{note}}",
        "tags": ["{{_key}}"],
    }
    transport = Answering(in_turn(Answer(200, "ok", {"Content-Type": "text/plain"})))
    api = opened(transport, template=json.dumps(template), rows_per_call=count)
    rows: list[Row] = [
        {
            "user_id": "u1",
            "name": "Ann O'Brien",
            "amount": Decimal("12.50"),
            "is_new": True,
            "note": None,
        },
        {"user_id": "u2", "name": "Bo", "amount": None, "is_new": False, "note": "null"},
    ]
    assert send(api, *rows) == Outcome({"u1": None, "u2": None}, {})
    assert transport.asked[0].body == body


def test_a_wrong_secret_stops_the_sync(receiver: Receiver) -> None:
    with pytest.raises(Refused, match="refused the login with 401: webhook-signature does not"):
        send(receiver.open(secret="another"), ANN)
    assert receiver.held() == []


@pytest.mark.parametrize(
    ("parameter", "value", "why"),
    [
        ("rows_per_call", "101", "101 is not from 1 to 100"),
        ("rows_per_call", "many", "invalid literal for int() with base 10: 'many'"),
        (
            "template",
            "{",
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            "template",
            '["{{nmae}}"]',
            "no field nmae; there are user_id, email, plan, _key, _id, _action",
        ),
        ("secret", "whsec_abc", "Incorrect padding"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_told(parameter: str, value: str, why: str) -> None:
    transport = Answering(in_turn(Answer(204)))
    with pytest.raises(BadParameter) as told:
        send(opened(transport, **{parameter: value}), ANN)
    assert str(told.value) == f"DESTINATIONS__WEBHOOK__{parameter.upper()} cannot be read: {why}."
    assert transport.asked == []


def test_the_address_stays_secret_when_nobody_answers() -> None:
    arguments = {**ARGUMENTS, "url": "http://127.0.0.1:1/in?token=hush"}
    with pytest.raises(RetryLater) as later:
        send(destination.open(arguments, "user_id", patience_s=0), ANN)
    assert "no connection to webhook." in str(later.value)
    assert "hush" not in str(later.value)


def test_a_call_goes_by_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert opened(Answering(in_turn(Answer(204)))).wire.session.proxies["https"] == (
        "http://proxy.test:3128"
    )


def test_an_authorization_of_its_own_goes_along() -> None:
    transport = Answering(in_turn(Answer(204)))
    send(opened(transport, authorization="Bearer xyz"), ANN)
    assert transport.asked[0].headers["Authorization"] == "Bearer xyz"


def test_a_second_webhook_is_a_file_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receiver: Receiver
) -> None:
    package = tmp_path / "more_tools"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "billing.py").write_text(
        '"""Billing. https://billing.test"""\n\nfrom destinations.webhook import webhook\n\n'
        'destination = webhook("billing")\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found, mistakes = destinations.find("more_tools")
    assert mistakes == []
    billing = found["billing"]
    address = {"url": f"{receiver.sandbox.url}/webhook/in", "secret": SECRET}
    outcome = billing.objects["*"].send_batch(billing.open(address, "user_id", name="x"), [ANN])
    assert outcome == Outcome({"u1": None}, {})
