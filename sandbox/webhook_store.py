"""What the receiver of the sandbox's webhook holds: rows by name and key, and appended ones."""

from typing import Any

Json = dict[str, Any]


class WebhookStore:
    """`seen` has the ids of calls and of appended rows: what comes again is not done again."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Json]] = {}
        self.appended: dict[str, list[Json]] = {}
        self.seen: list[str] = []

    def do(self, name: str, action: str, row: Json) -> None:
        rows = self.rows.setdefault(name, {})
        if action == "delete":
            rows.pop(row["key"], None)
        elif action == "append":
            if self.is_new(row["id"]):
                self.appended.setdefault(name, []).append(row["fields"])
        else:
            rows[row["key"]] = row["fields"]

    def is_new(self, told: str) -> bool:
        if told in self.seen:
            return False
        self.seen.append(told)
        return True

    def held(self, name: str) -> list[Json]:
        return [*self.rows.get(name, {}).values(), *self.appended.get(name, [])]

    def dump(self) -> Json:
        return {"rows": self.rows, "appended": self.appended, "seen": self.seen}

    def load(self, held: Json) -> None:
        self.rows, self.appended, self.seen = held["rows"], held["appended"], held["seen"]
