"""Who comes by on a day, when, on which device and what for."""

import random
from dataclasses import dataclass
from typing import Literal

from sandbox.company.state import DAY, Company, Device, Person

Purpose = Literal["look", "sign_up", "work", "subscribe", "stray"]


@dataclass(frozen=True)
class Visit:
    at: float
    person: Person
    device: Device
    purpose: Purpose


def visits(company: Company, rng: random.Random) -> list[Visit]:
    """All visits of the day, in the order in which they begin."""
    found: list[Visit] = []
    for person in company.people.values():
        if person.arrives < company.today + DAY:
            found += _of_person(company, person, rng)
    for number, device in enumerate(d for d in company.devices.values() if d.sharing):
        if (company.days + number) % 10 == 2:
            found += _shared(company, device)
    return sorted(found, key=lambda visit: (visit.at, visit.person.key))


def _of_person(company: Company, person: Person, rng: random.Random) -> list[Visit]:
    today, found = company.today, []
    own = [company.devices[key] for key in person.devices]
    is_user = 0 < person.signs_up < today
    if person.arrives >= today:
        found.append(Visit(person.arrives, person, own[0], "look"))
    if today <= person.signs_up < today + DAY:
        found.append(Visit(person.signs_up, person, own[0], "sign_up"))
    elif rng.random() < person.rate * (1 if is_user else 1.5):
        device = own[0] if rng.random() < 0.6 else rng.choice(own)
        found.append(Visit(_daytime(today, rng), person, device, "work" if is_user else "look"))
        if is_user and rng.random() < 0.2:
            found.append(Visit(_daytime(today, rng), person, rng.choice(own), "work"))
    if person.is_prospect and today <= person.arrives + DAY < today + DAY:
        found.append(Visit(person.arrives + DAY, person, own[0], "subscribe"))
    if person.stray and rng.random() < 0.03:
        stray = company.devices[person.stray]
        found.append(Visit(_daytime(today, rng), person, stray, "stray"))
    return found


def _shared(company: Company, device: Device) -> list[Visit]:
    """Everybody who shares a device comes in turn, an hour apart."""
    return [
        Visit(company.today + (9 + turn) * 3600, company.people[key], device, "work")
        for turn, key in enumerate(device.shared_by)
    ]


def _daytime(today: int, rng: random.Random) -> float:
    return today + rng.triangular(6 * 3600, 22.5 * 3600, 13 * 3600)
