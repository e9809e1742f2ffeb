"""Event dumps in the warehouse: every line accounted for, every event in typed tables."""

from warehouse.events.balance import unbalanced
from warehouse.events.incoming import silent, violated
from warehouse.events.load import EventsIncomplete, Loaded, Replayed, load, replay

__all__ = [
    "EventsIncomplete",
    "Loaded",
    "Replayed",
    "load",
    "replay",
    "silent",
    "unbalanced",
    "violated",
]
