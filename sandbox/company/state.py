"""What the demo company knows of itself between two days; all of it goes into JSON and back."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

Json = dict[str, Any]
Identifier = tuple[str, str]  # type, value as the platform will hold it

DAY = 86_400
DAYS = 90


def utc(at: float, suffix: str = "Z") -> str:
    """ISO 8601 with milliseconds; an empty suffix makes a naive time."""
    stamp = datetime.fromtimestamp(round(at * 1000) / 1000, UTC)
    return stamp.isoformat(timespec="milliseconds")[:23] + suffix


@dataclass
class Person:
    """A true person. Times are seconds since 1970; 0 means never."""

    key: str
    first: str
    last: str
    email: str
    country: str
    user_id: str
    arrives: int  # first visit
    signs_up: int = 0
    firm: str = ""  # a firm's key, or a private person
    phone: str = ""  # E.164
    gives_phone: bool = False  # types it into the app
    rate: float = 0.1  # sessions a day
    campaign: int = -1  # the ad of the first visit
    devices: list[str] = field(default_factory=list)
    stray: str = ""  # a browser whose cookies were cleared: never logs in again
    role: str = ""  # heavy, kiosk, family, tablet, handover: what makes this person hard
    is_prospect: bool = False  # leaves an e-mail address, never signs up
    identified: int = 0  # since when a written event ties user_id and email
    pays: str = ""  # how Stripe knows the person: both, email, metadata, other
    pays_from: int = 0
    crm: str = ""  # how Salesforce knows the person: both, email, phone, other, lead, converted
    crm_from: int = 0
    plan: str = "free"


@dataclass
class Device:
    """A browser or a phone, and who is logged in on it."""

    key: str
    kind: str  # web, ios, android
    anonymous_id: str
    ga_client_id: str = ""
    vendor_id: str = ""
    ad_id: str = ""  # empty: tracking is not allowed
    push_token: str = ""
    model: int = 0
    skew: int = 0  # how many seconds its clock is wrong
    user: str = ""  # key of the person logged in
    resets: int = 0
    shared_by: list[str] = field(default_factory=list)
    sharing: str = ""  # kiosk, family, tablet, handover


@dataclass
class Firm:
    key: str
    name: str
    domain: str
    industry: str
    employees: int
    country: str
    account_from: int  # when Salesforce gets it
    account_id: str = ""
    switchboard: str = ""  # a phone number that up to three contacts share
    plan: str = "free"


@dataclass
class Customer:
    id: str
    person: str
    email: str
    name: str
    phone: str
    country: str
    currency: str
    user_id: str
    created: int
    delinquent: bool = False
    invoice_count: int = 0
    deleted: bool = False


@dataclass
class Subscription:
    id: str
    customer: str
    plan: str
    interval: str
    currency: str
    created: int
    status: str
    period_start: int
    period_end: int
    trial_end: int = 0
    cancel_at_period_end: bool = False
    canceled_at: int = 0
    ended_at: int = 0
    latest_invoice: str = ""
    owed_invoice: str = ""  # open since a charge failed
    retry_at: int = 0


@dataclass
class Invoice:
    id: str
    number: str
    customer: str
    subscription: str
    plan: str
    interval: str
    reason: str
    amount: int
    currency: str
    created: int
    period_start: int
    period_end: int
    status: str = "open"
    paid_at: int = 0
    attempts: int = 0
    charge: str = ""


@dataclass
class Charge:
    id: str
    customer: str
    invoice: str
    amount: int
    currency: str
    created: int
    status: str
    refunded: int = 0


@dataclass
class Company:
    """The whole state: who exists, what the vendors were told, what is still on its way."""

    seed: int
    size: int
    start: int  # midnight before the first day
    days: int = 0  # how many have passed
    phones: int = 0
    people: dict[str, Person] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    firms: dict[str, Firm] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    sellers: list[str] = field(default_factory=list)
    contacts: dict[str, str] = field(default_factory=dict)  # Id -> person
    leads: list[Json] = field(default_factory=list)
    opportunities: list[Json] = field(default_factory=list)
    held: list[list[Any]] = field(default_factory=list)  # lines that arrive on a later day
    offline: list[Json] = field(default_factory=list)  # Mixpanel events of phones without a network
    ties: dict[str, list[Any]] = field(default_factory=dict)  # truth: event rows
    records: dict[str, list[Any]] = field(default_factory=dict)  # truth: rows of Stripe, Salesforce

    @property
    def today(self) -> int:
        """Midnight before the day that comes next."""
        return self.start + self.days * DAY

    def rng(self, topic: str) -> random.Random:
        """Chance that depends on the seed, the day and the topic, and on nothing else."""
        return random.Random(f"{self.seed}/{self.days}/{topic}")

    def dump(self) -> Json:
        plain = dict(vars(self))
        for name in _ROWS:
            plain[name] = {key: dict(vars(row)) for key, row in plain[name].items()}
        return plain

    @classmethod
    def load(cls, held: Json) -> Self:
        rows = {
            name: {key: kind(**row) for key, row in held[name].items()}
            for name, kind in _ROWS.items()
        }
        return cls(**(held | rows))


_ROWS: dict[str, type] = {
    "people": Person,
    "devices": Device,
    "firms": Firm,
    "customers": Customer,
    "subscriptions": Subscription,
    "invoices": Invoice,
    "charges": Charge,
}
