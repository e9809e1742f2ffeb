"""What HubSpot holds: records of each object by id, what rules their values, and lists of them."""

from collections import defaultdict
from typing import Any, Self

from sandbox.hubspot_properties import DEFINED, Property

Json = dict[str, Any]


class Shelf:
    """The records of one object, and the property definitions that rule their values."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.records: dict[str, Json] = {}
        self.properties: dict[str, Property] = dict(DEFINED[kind])
        # By unique property and value, the id of the one record that has it.
        self.unique: dict[str, dict[str, str]] = defaultdict(dict)

    def save(self, record: Json) -> None:
        """Insert or replace; an archived record gives its unique values free."""
        old = self.records.get(record["id"], {"properties": {}})
        for name in (one.name for one in self.properties.values() if one.unique):
            self.unique[name].pop(old["properties"].get(name), None)
            value = record["properties"].get(name)
            if value and not record["archived"]:
                self.unique[name][value] = record["id"]
        self.records[record["id"]] = record

    def dump(self) -> Json:
        properties = [definition.dump() for definition in self.properties.values()]
        return {"records": self.records, "properties": properties}

    @classmethod
    def load(cls, kind: str, held: Json) -> Self:
        shelf = cls(kind)
        shelf.properties = {row["name"]: Property.load(row) for row in held["properties"]}
        for record in held["records"].values():
            shelf.save(record)
        return shelf


class HubSpotStore:
    """A shelf for each object; lists by id, with the ids of their members."""

    def __init__(self) -> None:
        self.shelves = {kind: Shelf(kind) for kind in DEFINED}
        self.lists: dict[str, Json] = {}
        self.id_count = 0

    def new_id(self) -> str:
        self.id_count += 1
        return str(100_000_000 + self.id_count)

    def held(self, kind: str) -> list[Json]:
        if kind == "list_members":
            return [member for one in self.lists.values() for member in self._members(one)]
        return list((self.lists if kind == "lists" else self.shelves[kind].records).values())

    def _members(self, one: Json) -> list[Json]:
        contacts = self.shelves["contacts"].records
        return [{**contacts[record], "listId": one["listId"]} for record in one["members"]]

    def dump(self) -> Json:
        shelves = {kind: shelf.dump() for kind, shelf in self.shelves.items()}
        return {"shelves": shelves, "lists": self.lists, "id_count": self.id_count}

    def load(self, held: Json) -> None:
        self.shelves = {kind: Shelf.load(kind, one) for kind, one in held["shelves"].items()}
        self.lists, self.id_count = held["lists"], held["id_count"]
