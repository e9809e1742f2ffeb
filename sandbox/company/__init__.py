"""The demo company: Planwell, a planning app, with 90 days of visitors, users, bills and deals.

`found` fills a world and a folder with its past, `next_day` lets one more day happen. The same
seed and the same day give the same bytes. truth.csv says who is who, to measure the stitching by.
"""

from datetime import UTC, datetime
from pathlib import Path

from sandbox.company import ads, billing, boards, crm, dumps, journeys, truth
from sandbox.company.people import convert, populate, welcome
from sandbox.company.state import DAY, DAYS, Company
from sandbox.company.visits import visits
from sandbox.world import World

SMALLEST = 30


def found(world: World, folder: Path, people: int = 2000, seed: int = 7) -> None:
    """Write 90 days up to world.now: vendors' records, folder/events/*, folder/truth.csv."""
    if people < SMALLEST:
        raise ValueError(f"{people} people are too few for all the cases; take {SMALLEST} or more")
    midnight = world.now.replace(hour=0, minute=0, second=0, microsecond=0)
    company = Company(seed, people, int(midnight.timestamp()) - DAYS * DAY)
    populate(company, people)
    for _ in range(DAYS):
        _live(company, world, folder, sure=False)
    truth.write(company, folder)
    world.company = company.dump()


def next_day(world: World, folder: Path) -> None:
    """One more day, in which something of everything happens; world.now moves to its end."""
    company = Company.load(world.company)
    rng = company.rng("newcomers")
    welcome(company, max(1, round(company.size * 0.65 / DAYS)), rng)
    waiting = [person for person in company.people.values() if not person.signs_up]
    for person in rng.sample(waiting, k=min(len(waiting), 1 + len(waiting) // 100)):
        convert(person, company.today + rng.randrange(8 * 3600, 18 * 3600))
    _live(company, world, folder, sure=True)
    truth.write(company, folder)
    world.company = company.dump()
    world.now = datetime.fromtimestamp(company.today, UTC)


def _live(company: Company, world: World, folder: Path, *, sure: bool) -> None:
    """The company's day: people come by, their bills and deals move, the dump is written."""
    rng = company.rng("visits")
    messages = [
        message for visit in visits(company, rng) for message in journeys.play(company, visit, rng)
    ]
    messages += journeys.test_traffic(company, rng)
    dumps.write(company, messages, folder)
    billing.run(company, world.stripe, sure=sure)
    crm.run(company, world.salesforce, sure=sure)
    ads.run(company, world.google_ads)
    boards.run(company, messages, world.mixpanel)
    company.days += 1
