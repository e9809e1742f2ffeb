"""The demo company's world, read slowly and stitched obviously: what the platform must find too."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import phonenumbers

from sandbox.company import found
from sandbox.world import World

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BLOCKED = {"null", "anonymous", "-1"}
PRIORITY = ("user_id", "email")
LIMITS = {"user_id": 1}

Json = dict[str, Any]
Identifier = tuple[str, str]


@dataclass(frozen=True)
class Outside:
    world: World
    folder: Path

    def lines(self) -> list[tuple[str, bytes]]:
        """Every line of every dump with its file's day, in order."""
        found_lines = []
        for path in sorted((self.folder / "events").iterdir()):
            raw = path.read_bytes()
            text = gzip.decompress(raw) if path.suffix == ".gz" else raw
            found_lines += [(path.name[:10], line) for line in text.splitlines()]
        return found_lines

    def events(self) -> list[Json]:
        """The well-formed events, each messageId once."""
        by_id: dict[str, Json] = {}
        for number, (_, line) in enumerate(self.lines()):
            event = well_formed(line)
            if event is not None:
                by_id.setdefault(event.get("messageId", str(number)), event)
        return list(by_id.values())

    def truth(self) -> list[dict[str, str]]:
        with (self.folder / "truth.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def new(folder: Path, people: int, seed: int = 7) -> Outside:
    world = World(NOW)
    found(world, folder, people=people, seed=seed)
    return Outside(world, folder)


def why_refused(line: bytes) -> str:
    try:
        event = json.loads(line.decode())
    except UnicodeDecodeError:
        return "not UTF-8"
    except ValueError:
        return "truncated" if line.startswith(b"{") else "not JSON"
    if not isinstance(event, dict):
        return f"a {type(event).__name__}"
    if not event.get("userId") and not event.get("anonymousId"):
        return "no id"
    return "no event name" if event["type"] == "track" and not event.get("event") else ""


def well_formed(line: bytes) -> Json | None:
    return None if why_refused(line) else json.loads(line)


def seconds(stamp: str) -> float:
    at = datetime.fromisoformat(stamp)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def occurred_at(event: Json) -> float:
    if {"receivedAt", "sentAt", "originalTimestamp"} <= set(event):
        behind = seconds(event["sentAt"]) - seconds(event["originalTimestamp"])
        return seconds(event["receivedAt"]) - behind
    return seconds(event.get("timestamp") or event["originalTimestamp"])


def of_event(event: Json) -> list[Identifier]:
    context, device = event["context"], event["context"].get("device", {})
    traits = event.get("traits", {}) if event["type"] == "identify" else context.get("traits", {})
    google = context.get("integrations", {}).get("Google Analytics", {})
    ids = [
        ("user_id", event.get("userId")),
        ("anonymous_id", event.get("anonymousId")),
        ("email", traits.get("email")),
        ("phone", traits.get("phone")),
        ("ga_client_id", google.get("clientId")),
    ]
    if device:
        tracked = device["advertisingId"] if device["adTrackingEnabled"] else None
        ids += [
            (f"{device['type']}_id", device["id"]),
            (f"{device['type']}_idfa", tracked),
            (f"{device['type']}_push_token", device.get("token")),
        ]
    return normal(ids)


def normal(ids: list[tuple[str, str | None]]) -> list[Identifier]:
    kept = []
    for kind, raw in ids:
        value = (raw or "").strip()
        value = value.lower() if kind == "email" else e164(value) if kind == "phone" else value
        if value not in BLOCKED and value.strip("0-"):
            kept.append((kind, value))
    return kept


def e164(text: str) -> str:
    if not text:
        return ""
    number = phonenumbers.parse(text, "US")
    form = phonenumbers.PhoneNumberFormat.E164
    return phonenumbers.format_number(number, form) if phonenumbers.is_valid_number(number) else ""


def records(world: World, clock: str = "CreatedDate") -> Iterator[tuple[float, list[Identifier]]]:
    for one in world.stripe.objects["customers"].values():
        user_id = one.get("metadata", {}).get("user_id")
        ids = [("stripe_customer_id", one["id"]), ("user_id", user_id)]
        ids += [("email", one.get("email")), ("phone", one.get("phone"))]
        yield one.get("created", 0.0), normal(ids)
    for kind, name in (("Contact", "salesforce_contact_id"), ("Lead", "salesforce_lead_id")):
        for one in world.salesforce.records[kind].values():
            ids = [(name, one["Id"]), ("salesforce_contact_id", one.get("ConvertedContactId"))]
            if not one["IsDeleted"] or clock == "SystemModstamp":
                phone = one["MobilePhone"] or one["Phone"]
                ids += [("email", one["Email"]), ("phone", phone)]
            yield seconds(one[clock]), normal(ids)


@dataclass
class Stitcher:
    """DESIGN section 8, word for word: one row after the other, profiles as plain sets."""

    of: dict[Identifier, int] = field(default_factory=dict)
    profiles: dict[int, set[Identifier]] = field(default_factory=dict)

    def row(self, ids: list[Identifier]) -> None:
        left = sorted(set(ids), key=lambda one: (_rank(one[0]), one))
        demoted: list[Identifier] = []
        while left:
            found_ids = sorted({self.of[one] for one in left if one in self.of})
            union = set(left).union(*(self.profiles[number] for number in found_ids))
            if _keeps_limits(union):
                self._become(union, found_ids)
                for one in reversed(demoted):
                    profile = self.of[left[0]]
                    grown = self.profiles[profile] | {one}
                    if one not in self.of and _keeps_limits(grown):
                        self._become(grown, [profile])
                return
            demoted.append(left.pop())

    def _become(self, union: set[Identifier], found_ids: list[int]) -> None:
        oldest = found_ids[0] if found_ids else len(self.of)
        for number in found_ids:
            del self.profiles[number]
        self.profiles[oldest] = union
        self.of.update(dict.fromkeys(union, oldest))


def _rank(kind: str) -> tuple[int, str]:
    return (PRIORITY.index(kind) if kind in PRIORITY else len(PRIORITY), kind)


def _keeps_limits(ids: set[Identifier]) -> bool:
    counts = Counter(kind for kind, _ in ids)
    return all(count <= LIMITS.get(kind, 5) for kind, count in counts.items())


def stitch(outside: Outside, clock: str = "CreatedDate") -> Stitcher:
    rows = [(occurred_at(event), of_event(event)) for event in outside.events()]
    rows += list(records(outside.world, clock))
    stitcher = Stitcher()
    for _, ids in sorted(rows, key=lambda row: row[0]):
        stitcher.row(ids)
    return stitcher


def people_mixed(outside: Outside, stitcher: Stitcher) -> list[set[Identifier]]:
    """Profiles whose identifiers do not all belong to one and the same person."""
    owners: dict[Identifier, set[str]] = defaultdict(set)
    for line in outside.truth():
        owners[line["identifier_type"], line["value"]].add(line["person"])
    return [
        ids
        for ids in stitcher.profiles.values()
        if not set.intersection(*(owners[one] for one in ids))
    ]


def groups(outside: Outside) -> dict[str, list[Identifier]]:
    by_evidence: dict[str, list[Identifier]] = defaultdict(list)
    for line in outside.truth():
        by_evidence[line["evidence"]].append((line["identifier_type"], line["value"]))
    return by_evidence


def assert_solved(outside: Outside) -> None:
    stitcher = stitch(outside)
    assert people_mixed(outside, stitcher) == []
    held = {one for ids in stitcher.profiles.values() for one in ids}
    assert held <= {one for ids in groups(outside).values() for one in ids}
    parted = {
        name: ids
        for name, ids in groups(outside).items()
        if len(ids) > 1 and len({stitcher.of[one] for one in ids}) > 1
    }
    assert parted == {}


def users_by_device(outside: Outside) -> dict[str, set[str]]:
    users: dict[str, set[str]] = defaultdict(set)
    for event in outside.events():
        ids = dict(of_event(event))
        if {"user_id", "anonymous_id"} <= set(ids):
            users[ids["anonymous_id"]].add(ids["user_id"])
    return users
