"""Writing HubSpot records: which one a row means, and whether its values may stand there."""

import json
from typing import Any

from sandbox.hubspot_errors import NAMES, error, not_found, refuse
from sandbox.hubspot_properties import TYPE_IDS, InvalidValueError, iso, kept
from sandbox.hubspot_store import Shelf
from sandbox.stores import Json
from sandbox.wire import Refusal
from sandbox.world import World

_SHOWN = {
    "contacts": (
        "createdate",
        "email",
        "firstname",
        "hs_object_id",
        "lastmodifieddate",
        "lastname",
    ),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": (
        "amount",
        "closedate",
        "createdate",
        "dealname",
        "dealstage",
        "hs_lastmodifieddate",
        "hs_object_id",
        "pipeline",
    ),
}


def find(shelf: Shelf, id_property: str | None, wanted: str) -> Json | None:
    """The record by its id or by a property that is unique."""
    if not id_property or id_property == "hs_object_id":
        record = shelf.records.get(wanted)
        return None if not record or record["archived"] else record
    definition = shelf.properties.get(id_property)
    if not definition or not definition.unique:
        type_id = TYPE_IDS[shelf.kind]
        told = f"Unable to perform update/upsert by non-unique {type_id} property {id_property}"
        raise refuse(told)
    wanted = wanted.strip().lower() if id_property == "email" else wanted
    return shelf.records.get(shelf.unique[id_property].get(wanted, ""))


def row_error(body: Json, row: Json) -> Json:
    """A refusal as one row of a 207, found again by the row's trace id."""
    told = {name: body[name] for name in ("status", "category", "message")}
    context = {**body.get("context", {}), "objectWriteTraceId": [row.get("objectWriteTraceId", "")]}
    return {**told, "context": context, "errors": [], "links": {}}


def values(shelf: Shelf, row: Json, found: Json | None, *, makes: bool) -> dict[str, str]:
    """The row's properties as HubSpot keeps them; raises Refusal with all that is wrong.

    `makes`: whether the call may make a record where none is found.
    """
    id_property = row.get("idProperty") or "hs_object_id"
    given = row.get("properties") or {}
    if found is None and "id" in row:
        if id_property == "hs_object_id" or not makes:
            told = not_found(shelf.kind)
            raise Refusal(404, error("OBJECT_NOT_FOUND", told, ids=[row["id"]]))
        given = {id_property: row["id"], **given}
    taken, invalid = {}, []
    for name, value in given.items():
        try:
            taken[name] = _value(shelf, name, value)
        except InvalidValueError as wrong:
            about = {"error": wrong.code, "name": name}
            invalid.append({"isValid": False, "message": str(wrong), **about})
    if invalid:
        raise refuse(f"Property values were not valid: {json.dumps(invalid)}")
    for name, value in taken.items():
        holder = shelf.unique[name].get(value) if value else None
        if holder and (found is None or holder != found["id"]):
            told = f"{NAMES[shelf.kind]} already exists. Existing ID: {holder}"
            raise Refusal(409, error("CONFLICT", told))
    return taken


def _value(shelf: Shelf, name: str, value: Any) -> str:
    definition = shelf.properties.get(name)
    if not definition:
        raise InvalidValueError("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    return kept(definition, value)


def write(world: World, shelf: Shelf, row: Json, found: Json | None, taken: dict[str, str]) -> Json:
    """The record after the write, as the batch answers it."""
    now = iso(world.tick())
    record = found or {"id": world.hubspot.new_id(), "createdAt": now, "archived": False}
    made = {"hs_object_id": record["id"], "createdate": record["createdAt"]}
    properties = record.get("properties", made) | taken | {_modified(shelf): now}
    record = record | {"updatedAt": now, "properties": properties}
    shelf.save(record)
    trace = {name: row[name] for name in ("objectWriteTraceId",) if row.get(name)}
    return shown(shelf, record, list(taken)) | trace


def archive(world: World, shelf: Shelf, record: Json) -> None:
    now = iso(world.tick())
    shelf.save(record | {"archived": True, "archivedAt": now, "updatedAt": now})


def merge(world: World, shelf: Shelf, primary: Json, other: Json) -> Json:
    """One record under an id of its own, with the primary's values where both have one.

    https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide#merge-contacts
    """
    for one in (primary, other):
        archive(world, shelf, one)
    merged_id, now = world.hubspot.new_id(), iso(world.tick())
    theirs = {name: value for name, value in primary["properties"].items() if value}
    ids = {"hs_object_id": merged_id, "hs_merged_object_ids": f"{primary['id']};{other['id']}"}
    properties = {**other["properties"], **theirs, **ids, _modified(shelf): now}
    made = {"createdAt": now, "updatedAt": now, "archived": False}
    record = {"id": merged_id, **made, "properties": properties}
    shelf.save(record)
    return shown(shelf, record, [])


def _modified(shelf: Shelf) -> str:
    return "lastmodifieddate" if shelf.kind == "contacts" else "hs_lastmodifieddate"


def shown(shelf: Shelf, record: Json, names: list[str]) -> Json:
    """The record with the default properties and those asked for; null where it has none."""
    held = record["properties"]
    wanted = [*_SHOWN[shelf.kind], *names]
    return {**record, "properties": {name: held.get(name) or None for name in wanted}}
