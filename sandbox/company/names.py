"""The words the demo company is made of: people, firms, campaigns, plans. All of it is invented.

Addresses use domains that RFC 2606 and RFC 6761 keep for examples, phone numbers the ranges that
the North American plan and Ofcom keep for fiction, so nothing here can reach a real person.
"""

import random


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words(
    "Ada Amara Anders Anika Arjun Beatriz Ben Carla Chen Chidi Clara Daniel Dara Diego Elena Emeka "
    "Erik Farah Felix Fiona Gita Grace Hana Hugo Ines Isaac Ivy Jamal Jana Joon Kai Karim Kira "
    "Lars Leila Liam Lucia Mara Marek Mei Mina Nadia Nils Noor Olga Omar Paula Petra Priya Quinn "
    "Rafael Rosa Ruth Sami Sara Sofia Tariq Tessa Theo Uma Vera Viktor Wanda Xavi Yara Yusuf Zoe"
)
LAST = _words(
    "Abbott Adeyemi Almeida Bauer Becker Bennett Bianchi Bishop Brandt Carver Castillo Chandra "
    "Cohen Dalton Duarte Ekwueme Ellis Farkas Fischer Fontaine Foster Garcia Greene Haddad Hansen "
    "Hoffmann Ibrahim Ivanova Jensen Kaplan Keller Khan Kim Kowalski Larsen Lindqvist Lopez "
    "Marchetti Mercer Mehta Moreau Mwangi Nakamura Nguyen Novak Okafor Olsen Osei Park Patel Pires "
    "Quist Rahman Reyes Rossi Sato Schmidt Silva Sorensen Tanaka Thorne Ueda Vargas Vogel Weber "
    "Whitlock Yamada Young Zhang Ziegler"
)
FIRM_FIRST = _words(
    "Amber Birch Bright Cedar Clear Copper Delta Ever Fern Forge Granite Harbor Hazel Iron Juniper "
    "Kestrel Lumen Maple Meridian North Opal Pine Quarry Raven Ridge River Silver Stone Sun Terra "
    "Tidal Umber Vale Willow Wren"
)
FIRM_LAST = _words(
    "bridge cast craft desk field flow grid lane line loop mark mill path point port stack step "
    "ware works yard"
)
FIRM_KIND = ("Analytics", "Labs", "Logistics", "Systems", "Health", "Foods", "Media", "Energy")
INDUSTRIES = (
    "Technology",
    "Transportation",
    "Healthcare",
    "Food & Beverage",
    "Media",
    "Energy",
    "Education",
)
TITLES = (
    "Head of Operations",
    "Analyst",
    "Project Manager",
    "CTO",
    "Founder",
    "Team Lead",
    "Buyer",
)
SELLERS = ("Nora Falk", "Ravi Menon", "Julia Stern", "Tom Achebe", "Lea Marin")

# Names are what utm_campaign says, too: first touches join with the cost of the day.
CAMPAIGNS = (
    {"id": "20881100001", "name": "brand-search", "status": "ENABLED"},
    {"id": "20881100002", "name": "project-planning-search", "status": "ENABLED"},
    {"id": "20881100003", "name": "competitor-search", "status": "ENABLED"},
    {"id": "20881100004", "name": "retargeting-display", "status": "ENABLED"},
    {"id": "20881100005", "name": "autumn-video", "status": "PAUSED"},
)
PLANS = {"starter": 2900, "team": 9900, "business": 29900}  # a month, in cents
CURRENCIES = {"US": "usd", "GB": "gbp", "DE": "eur", "JP": "jpy"}
LOCALES = {"US": "en-US", "GB": "en-GB", "DE": "de-DE", "JP": "ja-JP"}
ZONES = {"US": "America/New_York", "GB": "Europe/London", "DE": "Europe/Berlin", "JP": "Asia/Tokyo"}

_US_AREAS = (
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225,
    228, 229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281,
    301, 302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321,
)  # fmt: skip
_GB_RANGES = (
    "207946", "113496", "114496", "116496", "117496", "118496", "121496", "131496",
    "141496", "151496", "161496",
)  # fmt: skip

PHONES = 100 * len(_US_AREAS)  # as many numbers as there are for fiction


def phone(country: str, number: int) -> str:
    """The number-th fictional phone of a country, in E.164; each is valid and used once."""
    if country == "GB":
        return f"+44{_GB_RANGES[number % len(_GB_RANGES)]}{number // len(_GB_RANGES):04d}"
    return f"+1{_US_AREAS[number % len(_US_AREAS)]}55501{number // len(_US_AREAS):02d}"


def written(number: str, rng: random.Random) -> str:
    """A phone number the way somebody types it; always readable, with the US as the home region."""
    if number.startswith("+44"):
        rest = number[3:]
        area, line = (rest[:2], rest[2:]) if rest.startswith("2") else (rest[:3], rest[3:])
        forms = [number, f"+44 {area} {line[:-4]} {line[-4:]}", f"+44 (0){area} {line}"]
    else:
        area, exchange, line = number[2:5], number[5:8], number[8:]
        forms = [
            number,
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"+1 {area}.{exchange}.{line}",
        ]
    return rng.choice(forms)


def without_country(number: str) -> str:
    """A British number as it is dialled at home: nobody abroad can know whose it is."""
    return f"0{number[3:6]} {number[6:9]} {number[9:]}"


def code(rng: random.Random, length: int) -> str:
    """Letters and digits as in a vendor's record id."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return "".join(rng.choices(alphabet, k=length))


def uuid(rng: random.Random) -> str:
    """A random (version 4) UUID that the seed decides."""
    text = f"{rng.getrandbits(128):032x}"
    variant = "89ab"[int(text[16], 16) % 4]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
