"""The event dumps of a day: one NDJSON file, with everything that goes wrong on the way to it."""

import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path

from sandbox.company import sdks, truth
from sandbox.company.journeys import Message
from sandbox.company.state import DAY, Company, Json

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
LATE, TWICE, BROKEN, UNNUMBERED = 0.015, 0.01, 0.002, 0.002


def write(company: Company, messages: list[Message], folder: Path) -> None:
    """folder/events/<day>.jsonl or .jsonl.gz: what arrived on this day, in order of arrival."""
    rng = company.rng("dumps")
    for message in messages:
        _send(company, message, rng)
    end = company.today + DAY
    due = sorted((held for held in company.held if held[0] < end), key=lambda held: held[0])
    company.held = [held for held in company.held if held[0] >= end]
    for _, _, at, person, ids in due:
        if person:
            truth.note_event(company, at, person, [(kind, value) for kind, value in ids])
    lines = [held[1].encode() for held in due]
    for _ in range(_count(len(lines) * BROKEN, rng, sure=company.days < len(_BROKEN))):
        spoilt = _broken(rng.choice(lines), company.days, rng)
        lines.insert(rng.randrange(len(lines) + 1), spoilt)
    _save(folder / "events", company.today, b"".join(text + b"\n" for text in lines))


def _send(company: Company, message: Message, rng: random.Random) -> None:
    """On its way: most arrive at once, some days later, some twice."""
    arrives = message.at + rng.uniform(0.3, 3)
    if rng.random() < LATE:
        arrives += rng.uniform(0.6, 6) * DAY
    event = sdks.line(message, arrives, rng)
    if rng.random() < UNNUMBERED:
        del event["messageId"]
    text = _ENCODE(event)
    ids = [list(one) for one in message.identifiers()]
    company.held.append([arrives, text, message.at, message.person, ids])
    if "messageId" in event and rng.random() < TWICE:
        again = rng.uniform(1, 900) if rng.random() < 0.5 else rng.uniform(1, 4) * DAY
        company.held.append([arrives + again, text, message.at, message.person, ids])


def _count(expected: float, rng: random.Random, *, sure: bool) -> int:
    """A whole number that is `expected` on average, and at least one where it must happen."""
    return max(int(expected) + (rng.random() < expected % 1), int(sure))


def _broken(good: bytes, day: int, rng: random.Random) -> bytes:
    """A line that is no event. In the first days each kind comes once, in turn."""
    kind = day if day < len(_BROKEN) else rng.randrange(len(_BROKEN))
    if kind == 0:
        return good[: rng.randrange(20, len(good) - 5)]
    if kind == 1:
        return good[:30] + b"\xff\xfe\xc3" + good[30:]
    event: Json = json.loads(good)
    if kind == 2:
        return json.dumps([event]).encode()
    if kind == 3:
        event = {"type": "track", "event": "Feature Used", "properties": {}}
        return json.dumps(event | {"timestamp": "2026-01-01T00:00:00Z"}).encode()
    if kind == 4:
        return json.dumps({"type": "track", "userId": "usr_nameless", "properties": {}}).encode()
    return rng.choice((b"--- log rotated ---", b"NaN NaN", b'"heartbeat"', b"502 Bad Gateway"))


_BROKEN = ("truncated", "not UTF-8", "an array", "no id", "no event name", "no JSON object")


def _save(folder: Path, day: int, content: bytes) -> None:
    """Two days of three are compressed; the archive has no time in it, so bytes stay the same."""
    folder.mkdir(parents=True, exist_ok=True)
    name = datetime.fromtimestamp(day, UTC).date().isoformat()
    if (day // DAY) % 3:
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(content, 6, mtime=0))
    else:
        (folder / f"{name}.jsonl").write_bytes(content)
