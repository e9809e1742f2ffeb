"""Whatever comes as a dump of events: the load never dies, and no value is lost, cut or rounded."""

import json
from io import BytesIO
from itertools import count, starmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from event_files import counts, is_balanced, load_events, put, rows, track
from event_values import FIELDS, Sent, astray, pairs, parsed
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from sources.events import Dump
from warehouse import database
from warehouse.events import load, unbalanced

# A failing example takes minutes to shrink, and is short enough to read as it is.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

# JSON, as text: each is near the edge of some type, or of JSON itself.
NUMBERS = (
    *("0", "-0", "-1", "1.5", "1e5", "0.1", "-0.0", "1E-400", "1e400", "-1e400", "NaN", "Infinity"),
    *("9007199254740992", "9007199254740993", "-9007199254740993", "1234567890123456"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "9" * 40),
    *("0.3333333333333333", "12345678901234567.5", "0.12345678901234567890", "1.7e308"),
)
TIMES = (
    *('"2024-01-02T03:04:05Z"', '"2024-01-02T03:04:05+02:00"', '"2024-01-02T03:04"'),
    *('"2024-01-02T03:04:05.123456Z"', '"2024-01-02T03:04:05.1234567Z"', '"0000-01-02T03:04:05Z"'),
    *('"2024-02-30T03:04:05Z"', '"9999-12-31T23:59:59.999-11:00"', '"2024-01-02"'),
)
TEXTS = (
    *('""', '"x"', '"1"', '"true"', '"null"', '"{"', '"[1]"', '"\\""', '"\\u0000"', '"a\\u0000b"'),
    *('"\\ud83d\\ude00"', '"é"', '"\'; drop table x; --"', '" "', '"\\n"', '"$.a"'),
)
SCALARS = st.sampled_from(("null", "true", "false", *NUMBERS, *TIMES, *TEXTS))
LISTS = st.lists(SCALARS, max_size=3).map(lambda inner: f"[{', '.join(inner)}]")
KEYS = st.sampled_from(
    (
        *("a", "A", "order id", "orderId", "", "\0", "a\0b", "価", "a.b", "a/b", "a~b", "~1", "$"),
        *("*", "0", '"', "'", "select", "id", "context_ip", "type", "rowid", "_file", "a" * 300),
    )
)
Pairs = list[tuple[str, str]]


def an_object(pairs: Pairs) -> str:
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in pairs) + "}"


def objects(values: st.SearchStrategy[str], size: int = 4) -> st.SearchStrategy[str]:
    """With keys that come twice, too."""
    return st.lists(st.tuples(KEYS, values), max_size=size).map(an_object)


LONELY = st.sampled_from(('"\\ud800"', '"\\udc00\\ud800"'))
ANYTHING = st.recursive(
    SCALARS | LONELY,
    lambda inner: st.lists(inner, max_size=3).map(lambda x: f"[{','.join(x)}]") | objects(inner, 2),
    max_leaves=4,
)
OF_A_MESSAGE = (
    *("messageId", "userId", "anonymousId", "groupId", "previousId", "event", "name", "category"),
    *("timestamp", "originalTimestamp", "sentAt", "receivedAt", "properties", "traits", "context"),
    *("integrations", "writeKey", "channel", "Type", ""),
)
CALLS = st.sampled_from(("track", "page", "screen", "identify", "group", "alias"))
PROPER = {"userId": '"u1"', "event": '"Seen"', "groupId": '"g1"', "previousId": '"p1"'}


@st.composite
def messages(draw: st.DrawFn) -> str:
    """Mostly a call as it should be, with a few fields that are anything."""
    fields = {"type": json.dumps(draw(CALLS)), **PROPER}
    wrong = draw(st.dictionaries(st.sampled_from(("type", *OF_A_MESSAGE)), ANYTHING, max_size=3))
    return an_object([*{**fields, **wrong}.items()])


BATCHES = st.tuples(st.lists(messages() | ANYTHING, max_size=4), ANYTHING, ANYTHING).map(
    lambda x: an_object([("batch", f"[{','.join(x[0])}]"), ("context", x[1]), ("sentAt", x[2])])
)
BROKEN = st.tuples(messages(), st.integers(0, 60)).map(lambda x: x[0][: -x[1]])
BLANK = st.sampled_from(("", " ", "\t \r", "\f", "\v", "\xa0"))
ODD = st.sampled_from((b"\0", b"{}\0", b"\xff", b'{"type":"\0"}', b"\xed\xa0\x80", b"\xef\xbb\xbf"))
LINES = (
    st.one_of(messages(), messages(), BATCHES, ANYTHING, BROKEN, BLANK, st.text(max_size=9)).map(
        lambda line: line.encode(errors="surrogatepass")
    )
    | ODD
    | st.binary(max_size=20)
)


@pytest.fixture(scope="module")
def shared_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples: what is duplicate, and how wide a column is, depends on the past."""
    return tmp_path_factory.mktemp("any") / "warehouse.duckdb"


file_names = (f"{number:05}.json" for number in count())


def in_memory(raw: bytes) -> Dump:
    return Dump(next(file_names), "1", len(raw), lambda: BytesIO(raw))


@example([b'{"batch": [1, 2], "context": {"a": 0, "a": "\\ud800"}}'])
@settings(max_examples=20, deadline=None, phases=PHASES)
@given(st.lists(st.lists(LINES, max_size=12).map(b"\n".join), min_size=1, max_size=2))
def test_no_bytes_stop_the_load_and_the_sums_always_hold(
    shared_warehouse: Path, files: list[bytes]
) -> None:
    loaded = load(shared_warehouse, [in_memory(raw) for raw in files])
    assert [(file.blank_count, file.line_count, file.is_done) for file in loaded] == [
        (*twin(raw), True) for raw in files
    ]
    assert [file.line_count for file in loaded] == [
        file.stored_count + file.duplicate_count + file.quarantined_count for file in loaded
    ]
    with database.connect(shared_warehouse) as db:
        assert unbalanced(db) == []


def twin(raw: bytes) -> tuple[int, int]:
    """How many lines are blank and how many others there are, where a message of a batch is one."""
    *whole, rest = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    lines = [*whole, rest] if rest else whole
    blank = [line for line in lines if not line.strip(b" \t\r\f")]
    return len(blank), sum(message_count(line) for line in lines if line.strip(b" \t\r\f"))


def message_count(line: bytes) -> int:
    try:
        # Half a letter in a \u escape is an error too, also in a value whose key comes again.
        json.dumps(pairs(line.decode()), ensure_ascii=False).encode()
    except ValueError:
        return 1
    message = parsed(line.decode())
    is_batch = isinstance(message, dict) and message.get("type") is None
    batch = message.get("batch") if is_batch else None
    return len(batch) or 1 if isinstance(batch, list) else 1


def as_text(tree: Any) -> str:
    if isinstance(tree, dict):
        return an_object([(key, as_text(value)) for key, value in tree.items()])
    return str(tree)


# What lies deeper than five levels is one JSON value.
TREES = st.recursive(
    SCALARS | LISTS, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=5
)
# Fields that share a column, and numbers that no double holds.
ALIKE = st.dictionaries(
    st.sampled_from(("a", "A", "orderId", "order id")), st.sampled_from(NUMBERS), max_size=3
).map(as_text)
EVENTS = st.builds(
    Sent,
    call=st.sampled_from([*FIELDS]),
    fields=objects(SCALARS | LISTS | objects(SCALARS, 2), 6) | ALIKE,
    context=st.dictionaries(KEYS, TREES, max_size=3).map(as_text) | ALIKE,
)


# What was wrong once: fields of one new column that differ in type, and numbers as keys.
LARGE, HALF = '{"A": 9007199254740993}', '{"a": 1.5}'
ALIKE_AT_ONCE = [
    Sent("track", '{"A": 1, "a": 1.5}', '{"A": 1, "a": 1.5}'),
    Sent("identify", LARGE, '{"b": {"0": 5}}'),
    Sent("identify", HALF, '{"b": [7]}'),
]
ALIKE_LATER = [[Sent("track", LARGE, LARGE)], [Sent("track", HALF, HALF)]]


@example([ALIKE_AT_ONCE])
@example(ALIKE_LATER)
@settings(max_examples=8, deadline=None, phases=PHASES)
@given(st.lists(st.lists(EVENTS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_no_value_is_lost_cut_or_rounded_however_types_widen(loads: list[list[Sent]]) -> None:
    sent: dict[str, Sent] = {}
    with TemporaryDirectory() as folder:
        warehouse = Path(folder) / "warehouse.duckdb"
        for events in loads:
            named = {f"m{number}": event for number, event in enumerate(events, len(sent))}
            load(warehouse, [in_memory(b"\n".join(starmap(message, named.items())))])
            sent |= named
        with database.connect(warehouse) as db:
            assert unbalanced(db) == []
        assert astray(warehouse, sent) == []


def message(name: str, event: Sent) -> bytes:
    envelope = {"type": event.call, "messageId": name, "userId": "u", "event": "Seen"}
    fields = [(key, json.dumps(value)) for key, value in envelope.items()]
    told = [(FIELDS[event.call], event.fields), ("context", event.context)]
    return an_object([*fields, *told]).encode()


DEEP = 100_000
NESTED, NESTED_LISTS = '{"a":' * DEEP + "1" + "}" * DEEP, "[" * DEEP + "]" * DEEP
LONG = "x" * 5_000_000


def with_text(text: str, event: dict[str, Any]) -> str:
    """An event as JSON, with a text that is JSON already where it has "HERE"."""
    return json.dumps(event).replace('"HERE"', text)


STORED = (
    with_text(NESTED, track(context="HERE")),
    with_text(NESTED, track(context={"": 1, "x": "HERE"})),
    with_text(NESTED, track(properties="HERE", integrations="HERE", channel="HERE")),
    with_text(NESTED, track(timestamp="HERE")),
    with_text(NESTED, {"type": "identify", "userId": "u1", "traits": "HERE"}),
    with_text(NESTED_LISTS, track(properties={"x": "HERE"}, context={"y": "HERE"})),
    with_text(NESTED, {"batch": [track(context="HERE")], "context": {"a": "HERE"}}),
    with_text(NESTED, {"batch": [track(properties="HERE")]}),
    with_text(json.dumps(LONG), track(messageId="HERE", properties={"x": "HERE"})),
    with_text(json.dumps(LONG), track(userId="HERE", context={"x": "HERE"})),
    with_text("[" + "1.5, " * 1_000_000 + "1]", track(properties={"x": "HERE"})),
)
REFUSED = (
    with_text(NESTED, track(userId="HERE")),
    with_text(NESTED_LISTS, track(event="HERE")),
    '{"batch":' * DEEP + "[]" + "}" * DEEP,
    NESTED,
    NESTED_LISTS,
    "[" * DEEP,
    '{"a":' * DEEP,
    LONG,
    f'{{"type": "{LONG}", "userId": "u1"}}',
    f'{{"type": "track", "event": "Seen", "userId": "{LONG}\0"}}',
)


def test_lines_of_five_megabytes_and_a_hundred_thousand_levels_do_not_stop_the_load(
    warehouse: Path, folder: Path
) -> None:
    put(folder / "a.jsonl.gz", *STORED, *REFUSED, " " * 5_000_000)
    assert counts(load_events(str(folder), warehouse)) == [
        ("a.jsonl.gz", len(STORED) + len(REFUSED), len(STORED), 0, len(REFUSED))
    ]
    raws = rows(warehouse, "select raw from events.quarantine order by line")
    assert [raw for (raw,) in raws] == [*REFUSED]
    assert is_balanced(warehouse)
