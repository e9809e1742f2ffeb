"""Events as analytics.js sends them, with %-fields where each event has something of its own.

The fields: person, device, high and low (the bits of ids), count, cents, received, sent, original
and timestamp. https://www.twilio.com/docs/segment/connections/spec
"""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

NAMES = [
    f"{thing} {deed}"
    for thing in ("Product", "Order", "Cart", "Trial", "Video", "Invite")
    for deed in ("Viewed", "Added", "Removed", "Completed", "Shared")
]
# A field that is a number stands in a template without quotes.
BARE = re.compile(r'"<(%\(count\)d(?:\.%\(cents\)02d)?)>"')
AGENT = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
SYSTEMS = (
    "X11; Linux x86_64",
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "Linux; Android 14; Pixel 8",
)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/London", "America/Sao_Paulo")
LOCALES = ("en-GB", "en-US", "de-DE", "ja-JP", "pt-BR")
WORDS = ("Ocean", "Zoë's choice", "Summer sale", "東京", "Basic", "Größe M", 'The "best" one')
SCREENS = ((1920, 1080, 1), (1440, 900, 2), (390, 844, 3), (2560, 1440, 1.5))

PROPERTIES: dict[str, Callable[[Random], Any]] = {
    "price": lambda r: "<%(count)d.%(cents)02d>" if r.random() < 0.9 else "<%(count)d>",
    "position": lambda r: r.randrange(1, 40),
    "sku": lambda r: f"sku-{r.randrange(5000)}",
    "orderId": lambda _: "o-%(low)x",
    "name": lambda r: f"{r.choice(WORDS)} {r.randrange(900)}",
    "category": lambda r: r.choice(("shoes", "shirts", "books", "games")),
    "currency": lambda r: r.choice(("EUR", "USD", "JPY")),
    "isGift": lambda r: r.random() < 0.3,
    "deliveredAt": lambda r: f"2026-11-{r.randrange(1, 29):02}T{r.randrange(24):02}:30:00.000Z",
    "coupon": lambda r: r.choice(("SPRING", "VIP", None)),
    "products": lambda r: [_product(r) for _ in range(r.randrange(1, 4))],
    "url": lambda r: f"https://shop.example.com/p/{r.randrange(5000)}",
    "discount": lambda r: round(r.random() * 30, 2),
    "plan": lambda r: r.choice(("free", "pro", "team")),
    "rating": lambda r: r.choice((1, 2, 3, 4, 4.5, 5)),
    "search_query": lambda r: r.choice(WORDS).lower(),
}


def templates(count: int, seed: int) -> list[bytes]:
    """60 % tracks of 30 names, 30 % pages, 7 % identifies, 3 % groups; a kilobyte each."""
    r = Random(seed)
    # Every event has a quantity, and 4 to 14 properties of its own.
    own = {name: r.sample(sorted(PROPERTIES), 4 + number % 11) for number, name in enumerate(NAMES)}
    return [_template(r, own) for _ in range(count)]


def _template(r: Random, own: dict[str, list[str]]) -> bytes:
    page = _page(r)
    event = {
        "anonymousId": "%(device)016x-%(person)08x",
        "context": _context(r, page),
        "integrations": {},
        "messageId": "ajs-next-%(high)016x-%(low)012x",
        "originalTimestamp": "%(original)sZ",
        "receivedAt": "%(received)sZ",
        "sentAt": "%(sent)sZ",
        "timestamp": "%(timestamp)sZ",
        "userId": "u%(person)d" if r.random() < 0.4 else None,
        **_call(r, own, page),
    }
    return BARE.sub(r"\1", json.dumps(event, separators=(",", ":"), ensure_ascii=False)).encode()


def _call(r: Random, own: dict[str, list[str]], page: dict[str, str]) -> dict[str, Any]:
    share = r.random()
    if share < 0.6:
        # The first names come most often, as in life.
        name = NAMES[int(r.random() ** 2 * len(NAMES))]
        properties = {"quantity": "<%(count)d>", **{key: PROPERTIES[key](r) for key in own[name]}}
        return {"type": "track", "event": name, "properties": properties}
    if share < 0.9:
        return {"type": "page", "name": page["title"], "properties": page}
    if share < 0.97:
        return {"type": "identify", "userId": "u%(person)d", "traits": _person(r)}
    return {
        "type": "group",
        "groupId": f"g{r.randrange(2000)}",
        "traits": {
            "name": f"Acme {r.randrange(900)}",
            "employees": r.randrange(1, 900),
            "industry": r.choice(("retail", "health", "energy")),
            "address": {"city": "Köln", "country": "DE"},
        },
    }


def _person(r: Random) -> dict[str, Any]:
    return {
        "email": "person%(person)d@example.com",
        "firstName": r.choice(("Ada", "Zoë", "José", "美咲", "Noor")),
        "plan": r.choice(("free", "pro", "team")),
        "age": r.randrange(18, 90),
        "createdAt": f"2025-{r.randrange(1, 13):02}-11T08:15:00.000Z",
        "address": {"city": r.choice(("Berlin", "Lyon", "Osaka")), "postalCode": "10115"},
        "isSubscribed": r.random() < 0.5,
    }


def _product(r: Random) -> dict[str, Any]:
    return {
        "sku": f"sku-{r.randrange(5000)}",
        "quantity": r.randrange(1, 5),
        "price": round(r.random() * 90, 2),
    }


def _page(r: Random) -> dict[str, str]:
    path = f"/p/{r.randrange(3000)}"
    search = "?utm_source=google&utm_medium=cpc" if r.random() < 0.2 else ""
    return {
        "path": path,
        "referrer": r.choice(("https://www.google.com/", "https://shop.example.com/", "")),
        "search": search,
        "title": f"{r.choice(WORDS)} | Shop",
        "url": f"https://shop.example.com{path}{search}",
    }


def _context(r: Random, page: dict[str, str]) -> dict[str, Any]:
    width, height, density = r.choice(SCREENS)
    campaign = {"name": "brand", "source": "google", "medium": "cpc"}
    return {
        "ip": f"8.{r.randrange(9)}.{r.randrange(256)}.{r.randrange(256)}",
        "library": {"name": "analytics.js", "version": "next-1.81.0"},
        "locale": r.choice(LOCALES),
        "page": page,
        "screen": {"width": width, "height": height, "density": density},
        "timezone": r.choice(ZONES),
        "userAgent": AGENT.format(r.choice(SYSTEMS), r.randrange(140, 150)),
        **({"campaign": campaign} if page["search"] else {}),
    }
