"""Writing records to Salesforce, whichever of its APIs they came by: each has its own outcome."""

from collections import Counter
from typing import Any

from sandbox.salesforce_fields import FIELDS, PREFIXES
from sandbox.salesforce_rows import problem, problems
from sandbox.stores import Json, SalesforceStore
from sandbox.world import World


class Write:
    """One operation (upsert, insert, update) on records of one object; `key` is upsert's."""

    def __init__(self, world: World, sobject: str, operation: str, key: str = "Id") -> None:
        self.world, self.store, self.sobject = world, world.salesforce, sobject
        self.operation, self.key = operation, key
        unique = ["Id", *(one.name for one in FIELDS[sobject].values() if one.external_id)]
        standing = [row for row in self.store.held(sobject) if not row["IsDeleted"]]
        self.held = {name: {row[name]: row["Id"] for row in standing} for name in unique}

    def errors(self, rows: list[Json]) -> list[list[Json]]:
        """What keeps each row out, as things stand."""
        keys = Counter(row.get(self.key) for row in rows)
        return [self._errors(row, keys) for row in rows]

    def _errors(self, row: Json, keys: Counter[Any]) -> list[Json]:
        value = row.get(self.key)
        if self.operation == "upsert":
            if value is None:
                return [problem("MISSING_ARGUMENT", f"{self.key} not specified")]
            # Salesforce refuses every row of a key that comes twice in one call.
            if keys[value] > 1:
                told = f"Duplicate external id specified: {value}"
                return [problem("DUPLICATE_VALUE", told, self.key)]
        if self.operation == "update" and value not in self.held["Id"]:
            return [problem("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")]
        found = row
        if self.operation == "update":
            found = {name: given for name, given in row.items() if name != "Id"}
        return (
            _unrelated(self.store, self.sobject, row)
            or problems(self.store, self.sobject, _plain(found), self._is_new(row))
            or self._taken(row)
        )

    def _is_new(self, row: Json) -> bool:
        return self.operation == "insert" or row.get(self.key) not in self.held[self.key]

    def _taken(self, row: Json) -> list[Json]:
        """External ids are unique: another record may not have this one's."""
        own = None if self._is_new(row) else self.held[self.key][row[self.key]]
        for name, ids in self.held.items():
            other = ids.get(row[name]) if row.get(name) is not None else None
            if name != "Id" and other and other != own:
                told = f"duplicate value found: {name} duplicates value on record with id: {other}"
                return [problem("DUPLICATE_VALUE", told)]
        return []

    def save(self, row: Json) -> Json:
        """Keep a row that has no errors."""
        is_new = self._is_new(row)
        fields = _plain(row) | _related(self.store, self.sobject, row)
        if not is_new:
            fields["Id"] = self.held[self.key][row[self.key]]
        saved = self.store.save(self.sobject, fields, self.world.tick())
        for name, ids in self.held.items():
            if name in row or name == "Id":
                ids[self.store.records[self.sobject][saved][name]] = saved
        return {"id": saved, "success": True, "created": is_new, "errors": []}

    def take(self, row: Json) -> Json:
        """The outcome of one row by itself."""
        errors = self._errors(row, Counter())
        return refused(errors) if errors else self.save(row)


def refused(errors: list[Json]) -> Json:
    return {"success": False, "created": False, "errors": errors}


def delete(world: World, record_id: str) -> Json:
    sobject = next((name for name, ids in PREFIXES.items() if record_id[:3] == ids), "")
    record = world.salesforce.records.get(sobject, {}).get(record_id)
    if not record or record["IsDeleted"]:
        code = "ENTITY_IS_DELETED" if record else "INVALID_CROSS_REFERENCE_KEY"
        told = "entity is deleted" if record else "invalid cross reference id"
        return {"id": record_id, "success": False, "errors": [problem(code, told)]}
    world.salesforce.delete(sobject, record_id, world.tick())
    return {"id": record_id, "success": True, "errors": []}


def _plain(row: Json) -> Json:
    return {name: value for name, value in row.items() if "." not in name}


def _unrelated(store: SalesforceStore, sobject: str, row: Json) -> list[Json]:
    """Parents named by an external id that nobody has."""
    found = _related(store, sobject, row)
    for name, value in row.items():
        relation, _, by = name.partition(".")
        if by and value is not None and found[_reference(sobject, relation)] is None:
            parent = FIELDS[sobject][_reference(sobject, relation)].refers_to
            told = f"Foreign key external ID: {value} not found for field {by} in entity {parent}"
            return [problem("INVALID_FIELD", told)]
    return []


def _related(store: SalesforceStore, sobject: str, row: Json) -> Json:
    """{"Account.Account_Id__c": "a1"} names the parent by its external id: its Id, or None."""
    ids: Json = {}
    for name, value in row.items():
        relation, _, by = name.partition(".")
        if by:
            reference = _reference(sobject, relation)
            parents = store.records[FIELDS[sobject][reference].refers_to].values()
            ids[reference] = next(
                (one["Id"] for one in parents if one[by] == value and not one["IsDeleted"]), None
            )
    return ids


def _reference(sobject: str, relation: str) -> str:
    return next(one.name for one in FIELDS[sobject].values() if one.relationship == relation)
