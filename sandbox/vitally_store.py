"""What Vitally holds: accounts and users, and which fields they have beside their traits."""

from typing import Any

Json = dict[str, Any]
FIELDS = {
    "accounts": ("name", "organizationId", "accountOwnerId"),
    "users": (
        "name",
        "email",
        "avatar",
        "accountIds",
        "organizationIds",
        "unsubscribedFromConversations",
        "joinDate",
    ),
}


class VitallyStore:
    """Accounts and users by Vitally's id."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Json]] = {kind: {} for kind in FIELDS}
        self.id_count = 0

    def new_id(self) -> str:
        self.id_count += 1
        return f"{self.id_count:08x}-5a1d-4b0c-9e5e-000000000000"

    def find(self, kind: str, wanted: str) -> Json | None:
        held = self.records[kind]
        named = (one for one in held.values() if one["externalId"] == wanted)
        return held.get(wanted) or next(named, None)

    def held(self, kind: str) -> list[Json]:
        return list(self.records[kind].values())

    def dump(self) -> Json:
        return {"records": self.records, "id_count": self.id_count}

    def load(self, held: Json) -> None:
        self.records, self.id_count = held["records"], held["id_count"]
