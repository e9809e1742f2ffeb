"""What each vendor holds, and how writing to it changes it."""

import json
from datetime import UTC, date, datetime
from typing import Any

from sandbox.salesforce_fields import FIELDS, PREFIXES
from sandbox.stripe_events import stripe_events

Json = dict[str, Any]


def _copy(value: Json) -> Json:
    """A copy nobody else can change; refuses what JSON cannot carry."""
    return dict(json.loads(json.dumps(value)))


class StripeStore:
    """Objects by kind and id, and the events that saving them caused."""

    KINDS = ("customers", "subscriptions", "invoices", "charges")

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Json]] = {kind: {} for kind in self.KINDS}
        self.events: list[Json] = []
        self.event_count = 0

    def save(self, kind: str, obj: Json, at: datetime) -> None:
        """Insert or replace one API object and append the events Stripe would send."""
        new, held = _copy(obj), self.objects[kind]
        old = held.get(new["id"])
        held[new["id"]] = new
        for event in stripe_events(kind, old, new):
            self._append(event, new, old, at)

    def delete(self, kind: str, id: str, at: datetime) -> None:  # noqa: A002 -- Stripe's word
        """Only customers can be deleted; what stays is the stub Stripe shows from then on."""
        if kind != "customers":
            raise ValueError(f"Stripe has no delete for {kind}; cancel or void {id} instead")
        gone = self.objects[kind][id]
        self.objects[kind][id] = {"id": id, "object": "customer", "deleted": True}
        self._append("customer.deleted", gone, None, at)

    def _append(self, event: str, obj: Json, old: Json | None, at: datetime) -> None:
        self.event_count += 1
        data: Json = {"object": obj}
        if old is not None and event.endswith(".updated"):
            data["previous_attributes"] = {
                name: value for name, value in old.items() if obj.get(name) != value
            }
        self.events.append(
            {
                "id": f"evt_1Sandbox{self.event_count:016d}",
                "object": "event",
                "api_version": "2025-09-30.clover",
                "created": int(at.timestamp()),
                "data": data,
                "livemode": False,
                "pending_webhooks": 0,
                "request": {"id": None, "idempotency_key": None},
                "type": event,
            }
        )

    def held(self, kind: str) -> list[Json]:
        return list(self.events if kind == "events" else self.objects[kind].values())

    def dump(self) -> Json:
        return {"objects": self.objects, "events": self.events, "event_count": self.event_count}

    def load(self, held: Json) -> None:
        self.objects, self.events = held["objects"], held["events"]
        self.event_count = held["event_count"]


class SalesforceStore:
    """Records by object and Id. An empty org already has the user its API clients run as."""

    def __init__(self, opened_at: datetime) -> None:
        self.records: dict[str, dict[str, Json]] = {sobject: {} for sobject in FIELDS}
        self.id_count = 0
        self.page_size = 2000  # records of one query answer; a test may lower it
        self.jobs: dict[str, Json] = {}  # bulk jobs, with their rows and outcomes
        self.bulk_stops_after: int | None = None  # rows a job gets done before it fails, in a test
        self.api_user = self.save(
            "User",
            {
                "Name": "Integration User",
                "FirstName": "Integration",
                "LastName": "User",
                "Email": "integration@example.com",
                "Username": "integration@example.com.sandbox",
                "IsActive": True,
            },
            opened_at,
        )

    def save(self, sobject: str, fields: Json, at: datetime) -> str:
        """Insert, or update the record named by fields["Id"]; what is not named stays as it is."""
        unknown = sorted(set(fields) - set(FIELDS[sobject]))
        if unknown:
            raise ValueError(f"Salesforce {sobject} has no field {', '.join(unknown)}")
        held, stamp = self.records[sobject], salesforce_time(at)
        record_id = str(fields.get("Id") or self._new_id(sobject))
        record = held.get(record_id) or self._empty(sobject, stamp)
        record = record | _copy(fields) | {"Id": record_id}
        record |= {"LastModifiedDate": stamp, "SystemModstamp": stamp}
        if sobject in ("Contact", "Lead"):
            record["Name"] = " ".join(filter(None, (record["FirstName"], record["LastName"])))
        held[record_id] = record
        return record_id

    def delete(self, sobject: str, id: str, at: datetime) -> None:  # noqa: A002 -- the vendor's word
        """Into the recycle bin: the row stays and queryAll shows it with IsDeleted true."""
        record, stamp = self.records[sobject][id], salesforce_time(at)
        gone = {"IsDeleted": True, "LastModifiedDate": stamp, "SystemModstamp": stamp}
        self.records[sobject][id] = record | gone

    def _empty(self, sobject: str, stamp: str) -> Json:
        record: Json = {
            name: False if field.type == "boolean" else None
            for name, field in FIELDS[sobject].items()
        }
        record["CreatedDate"] = stamp
        if "OwnerId" in record:
            record["OwnerId"] = self.api_user
        return record

    def _new_id(self, sobject: str) -> str:
        self.id_count += 1
        return _eighteen(f"{PREFIXES[sobject]}5e00000{self.id_count:05d}")

    def held(self, sobject: str) -> list[Json]:
        return list({**self.records, "jobs": self.jobs}[sobject].values())

    def dump(self) -> Json:
        records = {"records": self.records, "id_count": self.id_count, "jobs": self.jobs}
        return {**records, "api_user": self.api_user}

    def load(self, held: Json) -> None:
        self.records |= held["records"]
        self.id_count, self.jobs = held["id_count"], held["jobs"]
        self.api_user = held["api_user"]


def salesforce_time(at: datetime) -> str:
    """Salesforce keeps system times to the second and always shows .000."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _eighteen(short: str) -> str:
    """The case-safe Id: three letters say which of the fifteen characters are capitals."""
    alphabet, marks = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", ""
    for chunk in (short[0:5], short[5:10], short[10:15]):
        marks += alphabet[sum(1 << place for place, char in enumerate(chunk) if char.isupper())]
    return short + marks


class GoogleAdsStore:
    """Campaigns of one customer account and their metrics by day."""

    def __init__(self) -> None:
        self.campaigns: dict[str, Json] = {}
        self.days: dict[str, Json] = {}  # by "<campaign id> <day>"
        self.batch_size = 1000  # rows of one message of a stream; a test may lower it

    def set_day(  # noqa: PLR0913, PLR0917 -- a row of Google's report
        self,
        campaign: Json,
        on: date,
        cost_micros: int,
        clicks: int,
        impressions: int,
        conversions: float,
    ) -> None:
        """Metrics of a campaign on a day; setting them again is how Google restates them."""
        campaign_id = str(campaign["id"])
        self.campaigns[campaign_id] = {
            "id": campaign_id,
            "name": campaign["name"],
            "status": campaign["status"],
        }
        self.days[f"{campaign_id} {on}"] = {
            "campaign_id": campaign_id,
            "date": on.isoformat(),
            "cost_micros": cost_micros,
            "clicks": clicks,
            "impressions": impressions,
            "conversions": float(conversions),
        }

    def held(self, kind: str) -> list[Json]:
        return list({"campaigns": self.campaigns, "days": self.days}[kind].values())

    def dump(self) -> Json:
        return {"campaigns": self.campaigns, "days": self.days}

    def load(self, held: Json) -> None:
        self.campaigns, self.days = held["campaigns"], held["days"]


class CustomerioStore:
    """People by cio_id, and the events tracked for them."""

    NAMES = ("id", "email")

    def __init__(self) -> None:
        self.people: dict[str, Json] = {}
        self.events: list[Json] = []
        self.id_count = 0
        self._tracked: set[str] = set()  # ids of events
        # By id and by e-mail (whatever its capitals), the cio_id of the one person who has it.
        self._named: dict[str, dict[str, str]] = {name: {} for name in self.NAMES}

    def new(self) -> Json:
        self.id_count += 1
        cio_id = f"a3000c{self.id_count:08x}"
        return {"cio_id": cio_id, "id": None, "email": None, "attributes": {}}

    def find(self, name: str, value: str) -> Json | None:
        return self.people.get(self._named[name].get(_same(name, value), ""))

    def track(self, event: Json) -> None:
        """An event whose id was seen before is passed over."""
        if event.get("id") not in self._tracked:
            self.events.append(event)
            self._tracked |= {event["id"]} if "id" in event else set()

    def save(self, person: Json) -> None:
        self.delete(self.people.get(person["cio_id"], person))
        for name in self.NAMES:
            if person[name]:
                self._named[name][_same(name, person[name])] = person["cio_id"]
        self.people[person["cio_id"]] = person

    def delete(self, person: Json) -> None:
        if self.people.pop(person["cio_id"], None):
            for name in self.NAMES:
                self._named[name].pop(_same(name, person[name] or ""), None)

    def held(self, kind: str) -> list[Json]:
        return self.events if kind == "events" else list({"people": self.people}[kind].values())

    def dump(self) -> Json:
        return {"people": self.people, "events": self.events, "id_count": self.id_count}

    def load(self, held: Json) -> None:
        self.id_count = held["id_count"]
        for event in held["events"]:
            self.track(event)
        for person in held["people"].values():
            self.save(person)


def _same(name: str, value: str) -> str:
    return value.lower() if name == "email" else value
