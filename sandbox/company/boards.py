"""What the app tells Mixpanel: who worked on a board, and for how long.

A phone that has no network on a day tells it on the next.
"""

from datetime import UTC, datetime

from sandbox.company import names
from sandbox.company.journeys import Message
from sandbox.company.state import DAY, Company
from sandbox.company.truth import BLOCKED
from sandbox.mixpanel_store import MixpanelStore

OFFLINE = 0.08


def run(company: Company, messages: list[Message], store: MixpanelStore) -> None:
    """The boards of the day, and those of the day before that were not told yet."""
    rng = company.rng("boards")
    due, company.offline = company.offline, []
    for message in messages:
        if message.name == "Board" and message.user_id and message.user_id not in BLOCKED:
            named = {
                "time": round(message.at * 1000),
                "distinct_id": message.user_id,
                "$user_id": message.user_id,
                "$insert_id": names.uuid(rng),
                "minutes": rng.randrange(1, 50),
                "board": rng.choice(("team", "launch", "roadmap")),
            }
            event = {"event": "Board Worked On", "properties": named}
            (company.offline if rng.random() < OFFLINE else due).append(event)
    arrived = datetime.fromtimestamp(company.today + DAY - 1, UTC)
    for event in due:
        store.track(event, arrived)
