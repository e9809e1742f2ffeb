"""What somebody does during a visit: the calls that the app's trackers make."""

import random
from dataclasses import dataclass, field

from sandbox.company import names
from sandbox.company.state import Company, Device, Identifier, Json, Person, utc
from sandbox.company.truth import BLOCKED
from sandbox.company.visits import Visit

NOBODY = ("null", "null", "null", "anonymous", "0", "-1", "00000000-0000-0000-0000-000000000000")
SITE = "https://app.planwell.example"
SERVERS = ("node", "python", "rudder")


@dataclass
class Message:
    """One tracking call, before a library gives it its shape."""

    at: float
    person: str  # whose it truly is, by the ids it bears; "" for nobody's
    sdk: str  # web, ios, android, node, python, rudder
    kind: str  # identify, track, page, screen, group, alias
    name: str = ""
    body: Json = field(default_factory=dict)  # properties or traits
    user_id: str | None = None
    anonymous_id: str | None = None
    device: Device | None = None
    path: str = "/"
    campaign: int = -1
    group_id: str = ""
    previous_id: str = ""
    country: str = "US"
    known_email: str = ""  # context.traits.email
    phone: str = ""  # what body["phone"] stands for, in E.164

    def identifiers(self) -> list[Identifier]:
        """What the platform may take from this event, in the form it will hold."""
        ids: list[Identifier] = [
            (kind, value)
            for kind, value in (("user_id", self.user_id), ("anonymous_id", self.anonymous_id))
            if value and value not in BLOCKED
        ]
        email = self.body.get("email") if self.kind == "identify" else self.known_email
        ids += [("email", email.strip().lower())] if email else []
        ids += [("phone", self.phone)] if self.phone else []
        return ids + (_device_ids(self.device) if self.device else [])


def _device_ids(device: Device) -> list[Identifier]:
    kind = device.kind
    if kind == "web":
        return [("ga_client_id", device.ga_client_id)] if device.ga_client_id else []
    ids = [
        (f"{kind}_id", device.vendor_id),
        (f"{kind}_idfa", device.ad_id),
        (f"{kind}_push_token", device.push_token),
    ]
    return [(name, value) for name, value in ids if value]


@dataclass
class Tape:
    """Records the calls of one visit; `at` moves on with each."""

    company: Company
    visit: Visit
    rng: random.Random
    at: float = 0.0
    calls: list[Message] = field(default_factory=list)

    def client(self, kind: str, name: str = "", body: Json | None = None) -> Message:
        """A call from the device: it says who the device believes is logged in."""
        device, person = self.visit.device, self.visit.person
        user = self.company.people[device.user] if device.user else None
        message = Message(
            at=self.at,
            person=(user or person).key,
            sdk=device.kind,
            kind=kind,
            name=name,
            body=body or {},
            user_id=user.user_id if user else None,
            anonymous_id=device.anonymous_id,
            device=device,
            country=person.country,
        )
        return self._add(message)

    def server(self, kind: str, name: str = "", body: Json | None = None) -> Message:
        """A call from the app's own servers: they know the user and nothing else."""
        person = self.visit.person
        sdk = self.rng.choice(SERVERS)
        message = Message(self.at, person.key, sdk, kind, name, body or {}, person.user_id)
        if sdk == "rudder" and kind != "identify":
            message.known_email = person.email
        return self._add(message)

    def look_at(self, path: str, title: str) -> Message:
        if self.visit.device.kind != "web":
            return self.client("screen", title, {"section": path.strip("/") or "home"})
        message = self.client("page", title, {"path": path, "url": SITE + path, "title": title})
        message.path = path
        return message

    def _add(self, message: Message) -> Message:
        self.calls.append(message)
        self.at += self.rng.uniform(2, 90)
        return message


def play(company: Company, visit: Visit, rng: random.Random) -> list[Message]:
    """The calls of a visit; the device remembers who is logged in afterwards."""
    tape = Tape(company, visit, rng, visit.at)
    if visit.purpose in ("look", "stray"):
        _look(tape)
    elif visit.purpose == "subscribe":
        _subscribe(tape)
    elif visit.purpose == "sign_up":
        _sign_up(tape)
    else:
        _work(tape)
    return tape.calls


def test_traffic(company: Company, rng: random.Random) -> list[Message]:
    """The test account of a broken build: no event of it names anybody."""
    body = {"feature": "smoke-test"}
    return [
        Message(at, "", "node", "track", "Feature Used", body, rng.choice(NOBODY))
        for at in rng.sample(
            range(company.today, company.today + 80_000), k=1 + company.size // 500
        )
    ]


def _look(tape: Tape) -> None:
    rng, person = tape.rng, tape.visit.person
    landing = rng.choice((("/", "Home"), ("/features", "Features"), ("/blog/weekly-plan", "Blog")))
    first = tape.look_at(*landing)
    if person.arrives == tape.visit.at:
        first.campaign = person.campaign
    if first.user_id is None and rng.random() < 0.06:
        first.user_id = rng.choice(NOBODY)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        tape.look_at(*rng.choice((("/pricing", "Pricing"), ("/docs", "Docs"), ("/about", "About"))))
    if rng.random() < 0.3:
        tape.client("track", "Plan Viewed", {"plan": rng.choice(list(names.PLANS))})


def _subscribe(tape: Tape) -> None:
    """Leaves an address for the newsletter: an e-mail and a browser, no account."""
    tape.look_at("/newsletter", "Newsletter")
    person = tape.visit.person
    tape.client("identify", "", {"email": person.email, "newsletter": True})
    tape.client("track", "Newsletter Joined", {"list": "product-news"})


def _sign_up(tape: Tape) -> None:
    rng, person, device = tape.rng, tape.visit.person, tape.visit.device
    tape.look_at("/signup", "Sign up")
    anonymous_id = device.anonymous_id
    device.user, person.plan = person.key, "free"
    _identify(tape, {"createdAt": utc(tape.at)})
    tape.client("track", "Signed Up", {"plan": "free", "method": rng.choice(("email", "google"))})
    _group(tape)
    if rng.random() < 0.06:
        tape.client("alias").previous_id = anonymous_id
    tape.client("track", "Project Created", {"template": rng.choice(("blank", "launch", "sprint"))})
    _actions(tape, rng.randrange(1, 4))


def _work(tape: Tape) -> None:
    rng, device, person = tape.rng, tape.visit.device, tape.visit.person
    if device.user != person.key:
        tape.look_at("/login", "Log in")
        device.user = person.key
        _identify(tape, {})
        tape.client("track", "Logged In", {"method": rng.choice(("password", "google"))})
        if rng.random() < 0.4:
            _group(tape)
    else:
        tape.look_at("/app", "Projects")
    _actions(tape, rng.choice((1, 2, 2, 3, 4, 5, 7)))
    if device.sharing or rng.random() < 0.04:
        tape.client("track", "Logged Out", {})
        _log_out(tape)


def _log_out(tape: Tape) -> None:
    """Shared devices forget too little; on a private one reset() gives a new anonymousId."""
    device, rng = tape.visit.device, tape.rng
    if device.sharing == "family":
        return  # no reset: the next page still says it is the one before
    if device.sharing in ("kiosk", "tablet"):
        device.user = ""
        return
    own = not device.sharing and not tape.visit.person.role and device.resets < 1
    spare = len(tape.visit.person.devices) < 3
    if (own and spare) or (device.sharing == "handover" and device.resets < 2):
        device.anonymous_id = names.uuid(rng)
        device.resets += 1
    device.user = ""


def _identify(tape: Tape, more: Json) -> None:
    rng, person, device = tape.rng, tape.visit.person, tape.visit.device
    traits: Json = {"email": _typed(person.email, rng), "name": f"{person.first} {person.last}"}
    traits |= {"plan": person.plan, **more}
    if person.firm:
        firm = tape.company.firms[person.firm]
        traits["company"] = {"id": firm.key, "name": firm.name}
    # On a shared or surplus device the rules would set a phone aside together with the device.
    with_phone = person.gives_phone and not device.sharing and not person.role
    call = tape.client("identify", "", traits)
    if with_phone:
        _say_phone(call, person, rng)
    elif rng.random() < 0.1:
        traits["phone"] = None
    if person.gives_phone and (person.role or rng.random() < 0.2):
        said = {"email": person.email, "seats": rng.randrange(1, 9)}
        _say_phone(tape.server("identify", "", said), person, rng)


def _say_phone(call: Message, person: Person, rng: random.Random) -> None:
    if person.phone.startswith("+44") and rng.random() < 0.05:
        call.body["phone"] = names.without_country(person.phone)
        return
    call.body["phone"], call.phone = names.written(person.phone, rng), person.phone


def _group(tape: Tape) -> None:
    person = tape.visit.person
    if person.firm:
        firm = tape.company.firms[person.firm]
        traits = {"name": firm.name, "domain": firm.domain, "employees": firm.employees}
        tape.client("group", "", traits | {"plan": firm.plan}).group_id = firm.key


def _actions(tape: Tape, count: int) -> None:
    rng = tape.rng
    for _ in range(count):
        project = f"prj_{rng.randrange(10**6)}"
        act = rng.choices(range(7), weights=(34, 28, 8, 9, 8, 5, 5))[0]
        if act == 0:
            tape.look_at("/app/reports" if rng.random() < 0.4 else "/app/board", "Board")
        elif act == 1:
            feature = rng.choice(("timeline", "comments", "search", "automation"))
            tape.client("track", "Feature Used", {"feature": feature, "project_id": project})
        elif act == 2:
            tape.client("track", "Project Created", {"project_id": project, "template": "blank"})
        elif act == 3:
            form = {"format": rng.choice(("pdf", "csv")), "rows": rng.randrange(1, 5000)}
            tape.server("track", "Report Exported", form)
        elif act == 4:
            tape.server("track", "Invite Sent", {"role": rng.choice(("member", "admin"))})
        elif act == 5:
            tape.client("track", "Plan Viewed", {"plan": rng.choice(list(names.PLANS))})
        else:
            plan = rng.choice(list(names.PLANS))
            cart = {"plan": plan, "value": names.PLANS[plan] / 100, "currency": "USD"}
            tape.client("track", "Checkout Started", cart)


def _typed(email: str, rng: random.Random) -> str:
    """An address as people type it."""
    chance = rng.random()
    if chance < 0.05:
        return email.title().replace("@Example.Com", "@example.com")
    return f"{email} " if chance < 0.08 else email
