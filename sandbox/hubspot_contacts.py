"""Writing HubSpot contacts: which one a row means, and whether its values may stand there."""

import json
from typing import Any

from sandbox.hubspot_errors import NOT_FOUND, error, refuse
from sandbox.hubspot_properties import InvalidValueError, iso, kept
from sandbox.stores import Json
from sandbox.wire import Refusal
from sandbox.world import World

_SHOWN = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")


def find(world: World, id_property: str | None, wanted: str) -> Json | None:
    """The contact by its record id or by a property that is unique."""
    store = world.hubspot
    if not id_property or id_property == "hs_object_id":
        contact = store.contacts.get(wanted)
        return None if not contact or contact["archived"] else contact
    definition = store.properties.get(id_property)
    if not definition or not definition.unique:
        raise refuse(f"Unable to perform update/upsert by non-unique 0-1 property {id_property}")
    wanted = wanted.strip().lower() if id_property == "email" else wanted
    return store.contacts.get(store.unique[id_property].get(wanted, ""))


def row_error(body: Json, row: Json) -> Json:
    """A refusal as one row of a 207, found again by the row's trace id."""
    told = {name: body[name] for name in ("status", "category", "message")}
    context = {**body.get("context", {}), "objectWriteTraceId": [row.get("objectWriteTraceId", "")]}
    return {**told, "context": context, "errors": [], "links": {}}


def values(world: World, row: Json, found: Json | None) -> dict[str, str]:
    """The row's properties as HubSpot keeps them; raises Refusal with all that is wrong."""
    id_property = row.get("idProperty") or "hs_object_id"
    given = row.get("properties") or {}
    if found is None:
        if id_property == "hs_object_id":
            raise Refusal(404, error("OBJECT_NOT_FOUND", NOT_FOUND, ids=[row["id"]]))
        given = {id_property: row["id"], **given}
    taken, invalid = {}, []
    for name, value in given.items():
        try:
            taken[name] = _value(world, name, value)
        except InvalidValueError as wrong:
            about = {"error": wrong.code, "name": name}
            invalid.append({"isValid": False, "message": str(wrong), **about})
    if invalid:
        raise refuse(f"Property values were not valid: {json.dumps(invalid)}")
    for name, value in taken.items():
        holder = world.hubspot.unique[name].get(value) if value else None
        if holder and (found is None or holder != found["id"]):
            told = f"Contact already exists. Existing ID: {holder}"
            raise Refusal(409, error("CONFLICT", told))
    return taken


def _value(world: World, name: str, value: Any) -> str:
    definition = world.hubspot.properties.get(name)
    if not definition:
        raise InvalidValueError("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    return kept(definition, value)


def write(world: World, row: Json, found: Json | None, taken: dict[str, str]) -> Json:
    """The contact after the write, as the batch answers it."""
    now = iso(world.tick())
    contact = found or {"id": world.hubspot.new_id(), "createdAt": now, "archived": False}
    made = {"hs_object_id": contact["id"], "createdate": contact["createdAt"]}
    properties = contact.get("properties", made) | taken | {"lastmodifieddate": now}
    contact = contact | {"updatedAt": now, "properties": properties}
    world.hubspot.save(contact)
    trace = {name: row[name] for name in ("objectWriteTraceId",) if row.get(name)}
    return shown(contact, list(taken)) | {"new": found is None} | trace


def shown(contact: Json, names: list[str]) -> Json:
    """The contact with the default properties and those asked for; null where it has none."""
    held = contact["properties"]
    return {**contact, "properties": {name: held.get(name) or None for name in [*_SHOWN, *names]}}
