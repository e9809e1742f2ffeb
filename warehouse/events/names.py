"""Names of tables and columns, made from event names and properties as Segment makes them.

https://github.com/segmentio/go-snakecase
https://www.twilio.com/docs/segment/connections/storage/warehouses/schema
"""

import re
from collections.abc import Collection

# A word is capitals and digits, then small letters and digits; all else, letters beyond ASCII too,
# only parts words.
WORD = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z0-9]+")

# A name as long as a page of text is data, not a name.
LONGEST = 127

# What stands in the schema beside the tables of tracked events.
TABLES = (
    "calls",
    "tracks",
    "identifies",
    "users",
    "pages",
    "screens",
    "groups",
    "accounts",
    "aliases",
    "quarantine",
    "files",
    "filled",
    "activity",
    "column_changes",
    "column_fill",
    "incoming",
    "incoming_columns",
    "violations",
)


def snake(text: str) -> str:
    """'Order Completed' -> 'order_completed'; empty where no ASCII letter or digit is left."""
    return "_".join(WORD.findall(text)).lower()


def table(event: str) -> str | None:
    """The table of a tracked event; None where its name leaves none, or one too long."""
    name = snake(event)
    return _apart(name, name in TABLES)


def column(field: str, taken: Collection[str]) -> str | None:
    """The column of a property or trait; None where its name leaves none, or one too long.

    A name that is taken, or would pass for a part of the context, gets `_` in front: Segment's
    pages say that once, and elsewhere that the value is dropped.
    """
    name = snake(field)
    return _apart(name, name in taken or name.startswith("context_"))


def _apart(name: str, is_taken: bool) -> str | None:
    """No name begins with a digit, as in a warehouse that wants no quotes around it."""
    if not 0 < len(name) <= LONGEST:
        return None
    return f"_{name}" if is_taken or name[0].isdigit() else name
