"""How each tracking library writes a call: the same fact in five dialects of Segment's spec.

https://segment.com/docs/connections/spec/common/
"""

import random

from sandbox.company import names
from sandbox.company.journeys import SITE, Message
from sandbox.company.state import Device, Json, utc

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/150.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
)
_MODELS = {
    "ios": ("iPhone17,1", "iPhone16,2", "iPad14,3", "iPhone15,4"),
    "android": ("Pixel 9", "SM-S931B", "SM-A556B", "XT2427-3"),
}
_NO_AD_ID = "00000000-0000-0000-0000-000000000000"


def line(message: Message, arrives: float, rng: random.Random) -> Json:
    """The event as it stands in a dump; `arrives` is when the server got it."""
    shape = {"web": _browser, "node": _node, "rudder": _rudder, "python": _python}
    return shape.get(message.sdk, _mobile)(message, arrives, rng)


def _call(message: Message) -> Json:
    """The fields that say what happened, which all libraries name alike."""
    told: Json = {"type": message.kind}
    body = "traits" if message.kind in ("identify", "group") else "properties"
    if message.kind == "alias":
        return told | {"previousId": message.previous_id}
    if message.kind == "track":
        told["event"] = message.name
    elif message.kind in ("page", "screen"):
        told["name"] = message.name
    elif message.kind == "group":
        told["groupId"] = message.group_id
    return told | {body: message.body}


def _browser(message: Message, arrives: float, rng: random.Random) -> Json:
    device = message.device
    assert device is not None  # a browser's call always has its browser
    at = message.at + device.skew
    event: Json = {"timestamp": utc(at), "integrations": {"Segment.io": True}, **_call(message)}
    event |= {
        "context": _browser_context(message, device),
        "messageId": f"ajs-next-{int(at * 1000)}-{names.uuid(rng)}",
        "anonymousId": message.anonymous_id,
        "userId": message.user_id,
        "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
    }
    if device.skew or arrives - message.at > 60 or rng.random() < 0.6:
        event |= _received(message, arrives, device.skew)
    return event


def _browser_context(message: Message, device: Device) -> Json:
    search = ""
    context: Json = {
        "userAgent": _AGENTS[device.model],
        "locale": names.LOCALES[message.country],
        "timezone": names.ZONES[message.country],
        "library": {"name": "analytics.js", "version": "npm:next-1.84.3"},
        "ip": f"203.0.113.{device.model * 50 + 7}",
    }
    if message.campaign >= 0:
        campaign = names.CAMPAIGNS[message.campaign]["name"]
        context["campaign"] = {"name": campaign, "source": "google", "medium": "cpc"}
        search = f"?utm_source=google&utm_medium=cpc&utm_campaign={campaign}"
    if device.ga_client_id:
        context["integrations"] = {"Google Analytics": {"clientId": device.ga_client_id}}
    context["page"] = {
        "path": message.path,
        "referrer": "https://www.google.com/" if search else "",
        "search": search,
        "title": message.name if message.kind == "page" else "Planwell",
        "url": SITE + message.path + search,
    }
    return context


def _received(message: Message, arrives: float, skew: int) -> Json:
    """What the server adds: the client's clock at the event and at sending, and its own."""
    return {
        "originalTimestamp": utc(message.at + skew),
        "sentAt": utc(arrives - 0.12 + skew),
        "receivedAt": utc(arrives),
        "timestamp": utc(message.at + 0.12),
    }


def _mobile(message: Message, arrives: float, rng: random.Random) -> Json:
    device = message.device
    assert device is not None  # an app's call always has its phone
    ids = {"messageId": names.uuid(rng), "anonymousId": message.anonymous_id}
    event = _call(message) | ids | _received(message, arrives, device.skew)
    if message.user_id is not None:
        event["userId"] = message.user_id
    event["context"] = _mobile_context(message, device)
    return event


def _mobile_context(message: Message, device: Device) -> Json:
    is_ios = device.kind == "ios"
    told: Json = {
        "id": device.vendor_id,
        "type": device.kind,
        "manufacturer": "Apple" if is_ios else "Google",
        "model": _MODELS[device.kind][device.model],
        "adTrackingEnabled": bool(device.ad_id),
        "advertisingId": device.ad_id or _NO_AD_ID,
    }
    if device.push_token:
        told["token"] = device.push_token
    return {
        "app": {"name": "Planwell", "version": "4.12.0", "build": "4120", "namespace": "planwell"},
        "device": told,
        "library": {"name": f"analytics-{'swift' if is_ios else 'kotlin'}", "version": "1.9.2"},
        "locale": names.LOCALES[message.country],
        "network": {"cellular": True, "wifi": False},
        "os": {"name": "iOS" if is_ios else "Android", "version": "26.1" if is_ios else "16"},
        "screen": {"density": 3, "height": 2556, "width": 1179},
        "timezone": names.ZONES[message.country],
    }


def _node(message: Message, arrives: float, rng: random.Random) -> Json:
    return {
        "timestamp": utc(message.at),
        "integrations": {},
        **_call(message),
        "userId": message.user_id,
        "context": {"library": {"name": "@segment/analytics-node", "version": "3.1.0"}},
        "messageId": f"node-next-{int(message.at * 1000)}-{names.uuid(rng)}",
        "_metadata": {"nodeVersion": "v20.20.2", "jsRuntime": "node"},
        "sentAt": utc(arrives),
    }


def _rudder(message: Message, arrives: float, rng: random.Random) -> Json:
    context: Json = {"library": {"name": "analytics-node", "version": "3.0.13"}}
    if message.known_email:
        context["traits"] = {"email": message.known_email}
    return {
        "userId": message.user_id,
        **_call(message),
        "context": context,
        "channel": "server",
        "_metadata": {"nodeVersion": "20.20.2"},
        "originalTimestamp": utc(message.at),
        "messageId": names.uuid(rng),
        "sentAt": utc(arrives),
    }


def _python(message: Message, arrives: float, rng: random.Random) -> Json:
    is_naive = rng.random() < 0.15
    event = {
        "integrations": {},
        "anonymousId": None,
        **_call(message),
        "timestamp": utc(message.at, "" if is_naive else "+00:00"),
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "userId": message.user_id,
        "messageId": names.uuid(rng),
    }
    if not is_naive:
        event["sentAt"] = utc(arrives, "+00:00")
    return event
