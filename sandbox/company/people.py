"""Who the demo company's visitors, users and customers are, decided before they do anything."""

import math
import random
from typing import Literal

from sandbox.company import names
from sandbox.company.state import DAY, DAYS, Company, Device, Firm, Person

Kind = Literal["user", "visitor", "prospect"]


def populate(company: Company, count: int) -> None:
    """The people of the first 90 days: a third are users already, the others come by and by."""
    rng = company.rng("people")
    _open_firms(company, max(4, count * 11 // 100), rng)
    end = company.start + DAYS * DAY
    for number in range(count):
        if number < count * 35 // 100:
            person = _person(company, "user", company.start - rng.randrange(DAY, 300 * DAY), rng)
            person.signs_up = person.arrives
        else:
            _newcomer(company, company.start + rng.randrange(end - company.start), rng)
    _plant_roles(company, rng)
    _plant_switchboards(company, rng)
    _plant_oddities(company, rng)
    for person in company.people.values():
        _plan_records(company, person, rng)
    _plant_shared_billing(company, rng)


def welcome(company: Company, count: int, rng: random.Random) -> None:
    """The people who are seen for the first time on this day."""
    for _ in range(count):
        person = _newcomer(company, company.today + rng.randrange(6 * 3600, 22 * 3600), rng)
        _plan_records(company, person, rng)


def convert(person: Person, at: int) -> None:
    """A visitor decides to sign up after all."""
    person.signs_up, person.rate = at, 0.3


def _newcomer(company: Company, arrives: int, rng: random.Random) -> Person:
    kinds: list[Kind] = ["user", "visitor", "prospect"]
    kind = rng.choices(kinds, weights=(57, 31, 12))[0]
    person = _person(company, kind, arrives, rng)
    if kind == "user":
        wait = 600 if rng.random() < 0.4 else int(rng.expovariate(1 / (5 * DAY))) + 3600
        person.signs_up = arrives + wait
    return person


def _person(company: Company, kind: Kind, arrives: int, rng: random.Random) -> Person:
    number = len(company.people)
    first, last = rng.choice(names.FIRST), rng.choice(names.LAST)
    firm = rng.choice(list(company.firms.values())) if rng.random() < 0.76 else None
    country = firm.country if firm else rng.choices(("US", "GB", "DE"), weights=(55, 30, 15))[0]
    local = f"{first}.{last}{number}".lower()
    person = Person(
        key=f"p{number:05d}",
        first=first,
        last=last,
        email=f"{local}@{firm.domain if firm else 'example.com'}",
        country=country,
        user_id=f"usr_{names.code(rng, 6).lower()}{number:04d}",
        arrives=arrives,
        firm=firm.key if firm else "",
        rate=min(rng.lognormvariate(math.log(0.048), 0.7), 1.2) if kind == "user" else 0.03,
        campaign=rng.randrange(len(names.CAMPAIGNS)) if rng.random() < 0.45 else -1,
        is_prospect=kind == "prospect",
    )
    if country in ("US", "GB") and rng.random() < 0.7 and company.phones < names.PHONES:
        person.phone = names.phone(country, company.phones)
        person.gives_phone = rng.random() < 0.75
        company.phones += 1
    company.people[person.key] = person
    for _ in range(rng.choices((1, 2, 3), weights=(55, 33, 12))[0] if kind == "user" else 1):
        person.devices.append(add_device(company, rng, private=True).key)
    if rng.random() < 0.08:
        person.stray = add_device(company, rng, private=True, kind="web").key
    return person


def add_device(company: Company, rng: random.Random, *, private: bool, kind: str = "") -> Device:
    """A browser or phone. Only a private browser keeps Google's cookie when the rest is reset."""
    kind = kind or rng.choices(("web", "ios", "android"), weights=(74, 14, 12))[0]
    device = Device(
        key=f"d{len(company.devices):05d}",
        kind=kind,
        anonymous_id=names.uuid(rng),
        model=rng.randrange(4),
    )
    if kind == "web" and private and rng.random() < 0.4:
        device.ga_client_id = f"{rng.randrange(10**8, 10**10)}.{company.today}"
    if kind != "web":
        vendor_id = names.uuid(rng)
        device.vendor_id = vendor_id.upper() if kind == "ios" else vendor_id.replace("-", "")[:16]
        device.ad_id = names.uuid(rng) if rng.random() < 0.5 else ""
        device.push_token = names.code(rng, 64).lower() if rng.random() < 0.6 else ""
    if private and rng.random() < 0.02:
        device.skew = rng.choice((-7200, -95, 340, 10800))
    company.devices[device.key] = device
    return device


def _open_firms(company: Company, count: int, rng: random.Random) -> None:
    for number in range(count):
        name = rng.choice(names.FIRM_FIRST) + rng.choice(names.FIRM_LAST)
        key = f"acct_{1000 + number}"
        company.firms[key] = Firm(
            key=key,
            name=f"{name} {rng.choice(names.FIRM_KIND)}",
            domain=f"{name.lower()}-{number}.example",
            industry=rng.choice(names.INDUSTRIES),
            employees=rng.choice((4, 9, 18, 40, 75, 130, 260, 900)),
            country=rng.choices(("US", "GB", "DE", "JP"), weights=(50, 28, 16, 6))[0],
            account_from=company.start + int(rng.random() ** 3 * 80 * DAY) + 3600,
        )


def _plant_roles(company: Company, rng: random.Random) -> None:
    """The hard cases, given to people who are users from the start, so that all of them happen."""
    old = [person for person in company.people.values() if 0 < person.signs_up < company.start]
    rng.shuffle(old)
    size = len(company.people)
    for role, members, every in (
        ("heavy", 1, 330),
        ("kiosk", 3, 200),
        ("family", 2, 140),
        ("tablet", 2, 400),
        ("handover", 2, 250),
    ):
        for _ in range(max(1, size // every)):
            _plant_role(company, role, [old.pop() for _ in range(members)], rng)


def _plant_role(company: Company, role: str, group: list[Person], rng: random.Random) -> None:
    for person in group:
        person.role, person.stray = role, ""
        person.rate = max(person.rate, 0.12)
        person.devices = [add_device(company, rng, private=False, kind="web").key]
    if role == "heavy":  # more browsers than the rules allow one person
        group[0].rate = 0.5
        group[0].devices += [
            add_device(company, rng, private=False, kind="web").key for _ in range(6)
        ]
        return
    kind = "ios" if role == "tablet" else "web"
    shared = add_device(company, rng, private=False, kind=kind)
    if role == "tablet":
        shared.ad_id, shared.push_token = names.uuid(rng), names.code(rng, 64).lower()
    shared.sharing, shared.shared_by = role, [person.key for person in group]
    if role == "family":  # the second one has no other computer
        group[1].devices = [shared.key]


def _plant_switchboards(company: Company, rng: random.Random) -> None:
    """Two or three contacts of a firm with only the firm's number."""
    wanted = max(1, len(company.firms) // 20)
    for firm in company.firms.values():
        known = [
            person
            for person in company.people.values()
            if person.firm == firm.key and 0 < person.signs_up < company.start
        ]
        if len(known) < 2 or not wanted or firm.country not in ("US", "GB"):
            continue
        wanted -= 1
        firm.switchboard = names.phone(firm.country, company.phones)
        company.phones += 1
        for person in known[:3]:
            person.rate, person.crm = max(person.rate, 0.3), "switchboard"
            person.crm_from = company.start + rng.randrange(50, 80) * DAY + rng.randrange(3600)


def _plant_oddities(company: Company, rng: random.Random) -> None:
    """Addresses and names that a destination will refuse."""
    size = len(company.people)
    users = [
        person
        for person in company.people.values()
        if person.signs_up and not person.role and not person.crm
    ]
    rng.shuffle(users)
    for number in range(max(3, size // 250)):
        person = users.pop()
        local = f"{person.first}.{person.last}".lower()
        forms = (f"{local}@localhost", f"n/a{number}@", f"{local}@@example.com")
        person.email, person.firm, person.role = forms[number % 3], "", "odd"
    for _ in range(max(1, size // 700)):
        users.pop().last = "-".join(rng.choices(names.LAST, k=16))


def _plan_records(company: Company, person: Person, rng: random.Random) -> None:
    """How and when Stripe and Salesforce come to know the person."""
    begins = max(company.start, person.signs_up or person.arrives)
    if person.signs_up and person.role != "odd":
        share = 0.3 if person.firm else 0.4
        if rng.random() < share:
            ways = ("both", "email", "metadata", "other")
            person.pays = rng.choices(ways, weights=(40, 25, 20, 15))[0]
            person.pays_from = _by_day(begins + 7200 + int(rng.random() ** 2 * 6 * DAY))
    if person.is_prospect:
        person.crm, person.crm_from = "lead", _by_day(begins + DAY)
    elif person.signs_up and not person.crm and len(person.last) < 60 and rng.random() < 0.5:
        person.crm = _crm(person, rng)
        person.crm_from = _by_day(begins + rng.randrange(3600, 10 * DAY))


def _crm(person: Person, rng: random.Random) -> str:
    channels = ("both", "email", "phone", "other", "converted", "lead")
    way = rng.choices(channels, weights=(28, 16, 34, 8, 10, 4))[0]
    if person.role == "odd":  # Salesforce would not take the address
        way = "phone" if person.phone else ""
    elif way == "phone" and not person.phone:
        way = "email"
    if way == "phone":  # mostly the same number as in the app, else there is no proof
        person.gives_phone = rng.random() < 0.85
    return way


def _by_day(at: int) -> int:
    """Not in the last hour before midnight, so that what follows is still of the same day."""
    return at - at % DAY + min(at % DAY, 23 * 3600)


def _plant_shared_billing(company: Company, rng: random.Random) -> None:
    """Two Stripe customers under one billing address, each naming its own user."""
    wanted = max(1, len(company.firms) // 40)
    for firm in company.firms.values():
        staff = [
            person
            for person in company.people.values()
            if person.firm == firm.key and 0 < person.signs_up < company.start and not person.role
        ]
        if len(staff) < 2 or not wanted:
            continue
        wanted -= 1
        for person in staff[:2]:
            person.pays = "billing"
            person.pays_from = company.start + rng.randrange(1, 20) * DAY
