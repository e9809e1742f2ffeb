"""HubSpot's errors, as it words and shapes them.

https://developers.hubspot.com/docs/api-reference/error-handling
"""

from uuid import uuid4

from sandbox.stores import Json
from sandbox.wire import Refusal

NAMES = {"contacts": "Contact", "companies": "Company", "deals": "Deal"}


def not_found(kind: str) -> str:
    return (
        f"Could not get some {NAMES[kind].upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid."
    )


def trouble(status: int) -> Json:
    if status == 429:
        return {
            "status": "error",
            "message": "You have reached your ten_secondly_rolling limit.",
            "errorType": "RATE_LIMIT",
            "correlationId": str(uuid4()),
            "policyName": "TEN_SECONDLY_ROLLING",
            "groupName": "publicapi:private-apps:api-calls",
        }
    category, message = {
        404: ("OBJECT_NOT_FOUND", "resource not found"),
        405: ("METHOD_NOT_ALLOWED", "method not allowed"),
        423: ("LOCKED", "The record is locked by another request."),
    }.get(status, ("INTERNAL_ERROR", "internal error"))
    return error(category, message)


def error(category: str, message: str, **context: list[str]) -> Json:
    body: Json = {"status": "error", "message": message, "correlationId": str(uuid4())}
    return body | ({"context": context} if context else {}) | {"category": category}


def refuse(message: str, **context: list[str]) -> Refusal:
    return Refusal(400, error("VALIDATION_ERROR", message, **context))
