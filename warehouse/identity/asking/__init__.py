"""Questions to identity: who is this, why are these two one person, what is worst.

Each is a .sql file beside this one and stands in the warehouse as a table macro or view of the
schema identity, for whoever asks in SQL: `from identity.why('ada@example.com', 'usr_1')`.
"""

from pathlib import Path

from warehouse.database import Database

SHARED_BY = 3  # people: a value that so many bear is hardly a person's


def publish(db: Database) -> None:
    """Put every question into the warehouse; identity.* must stand there."""
    for path in sorted(Path(__file__).parent.glob("*.sql")):
        db.run(path.read_text())
