"""What the sales team does in Salesforce on a day: accounts, contacts, leads, deals."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sandbox.company import names, truth
from sandbox.company.state import DAY, Company, Firm, Identifier, Json, Person
from sandbox.stores import SalesforceStore

STAGES = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review")
CHANCE = {"Closed Won": 100, "Closed Lost": 0} | dict(zip(STAGES, (10, 25, 60, 85), strict=True))


@dataclass
class Desk:
    company: Company
    store: SalesforceStore
    rng: random.Random

    def noon(self) -> int:
        return self.company.today + self.rng.randrange(8 * 3600, 20 * 3600)

    def owner(self) -> str:
        return self.rng.choice(self.company.sellers)

    def save(self, sobject: str, fields: Json, at: int) -> str:
        return self.store.save(sobject, fields, datetime.fromtimestamp(at, UTC))


def run(company: Company, store: SalesforceStore, *, sure: bool) -> None:
    """One day; `sure` makes each kind of change happen at least once."""
    desk = Desk(company, store, company.rng("crm"))
    if not company.sellers:
        company.sellers = [_seller(desk, name) for name in names.SELLERS]
    end = company.today + DAY
    for firm in company.firms.values():
        if company.today <= firm.account_from < end:
            _account(desk, firm)
    held = set(company.contacts)
    for person in _due(company, sure):
        _record(desk, person)
    for lead in company.leads:
        if company.today <= lead["converts"] < end:
            _convert(desk, lead)
    _move_deals(desk, sure)
    _delete(desk, held, sure)


def _seller(desk: Desk, name: str) -> str:
    first, last = name.split()
    address = f"{first}.{last}@planwell.example".lower()
    fields = {"Name": name, "FirstName": first, "LastName": last, "Email": address}
    return desk.save("User", fields | {"Username": address, "IsActive": True}, desk.company.today)


def _account(desk: Desk, firm: Firm) -> None:
    fields = {
        "Name": firm.name,
        "Website": desk.rng.choice(("https://www.{}/", "https://{}", "www.{}", "{}")).format(
            firm.domain
        ),
        "Industry": firm.industry,
        "NumberOfEmployees": firm.employees,
        "AnnualRevenue": firm.employees * 120_000,
        "Phone": firm.switchboard or None,
        "BillingCountry": firm.country,
        "Type": desk.rng.choice(("Prospect", "Customer")),
        "OwnerId": desk.owner(),
    }
    firm.account_id = desk.save("Account", fields, firm.account_from)


def _due(company: Company, sure: bool) -> list[Person]:
    """Whom Salesforce gets today. A shared number waits until the app has seen its people."""
    known = set(company.contacts.values())
    due = []
    for person in company.people.values():
        if person.crm == "switchboard":
            if person.crm_from < company.today + DAY and person.identified:
                due += [person] if person.key not in known else []
        elif person.crm and company.today <= person.crm_from < company.today + DAY:
            due.append(person)
    if sure and not any(person.crm != "lead" for person in due):
        unknown = (p for p in company.people.values() if p.identified and not p.crm and not p.role)
        for person in list(unknown)[:1]:
            person.crm, person.crm_from = "email", company.today + 9 * 3600
            due.append(person)
    return due


def _record(desk: Desk, person: Person) -> None:
    at = max(person.crm_from, desk.company.today + 60)
    if person.crm in ("lead", "converted"):
        _lead(desk, person, at)
        return
    contact = _contact(desk, person, at)
    firm = desk.company.firms.get(person.firm)
    if firm and firm.account_id and person.crm != "switchboard" and desk.rng.random() < 0.7:
        _deal(desk, firm, contact, at + 900)


def _contact(desk: Desk, person: Person, at: int) -> str:
    rng, firm = desk.rng, desk.company.firms.get(person.firm)
    email, phone = _reach(person)
    field, number = "MobilePhone" if rng.random() < 0.6 else "Phone", phone
    if firm and person.crm == "switchboard":
        field, number = "Phone", firm.switchboard
    fields = {
        "FirstName": person.first,
        "LastName": person.last,
        "Email": email or None,
        field: names.written(number, rng) if number else None,
        "Title": rng.choice(names.TITLES),
        "LeadSource": rng.choice(("Web", "Phone Inquiry", "Partner Referral", None)),
        "MailingCountry": person.country,
        "OwnerId": desk.owner(),
    }
    if firm and firm.account_id:
        fields["AccountId"] = firm.account_id
    record = desk.save("Contact", fields, at)
    ids: list[Identifier] = [("salesforce_contact_id", record), ("email", email), ("phone", number)]
    truth.note_record(desk.company, record, at, person.key, ids)
    desk.company.contacts[record] = person.key
    return record


def _reach(person: Person) -> tuple[str, str]:
    """E-mail and phone as the CRM has them."""
    local, domain = person.email.split("@")[0], person.email.split("@")[-1]
    return {
        "both": (person.email, person.phone),
        "email": (person.email, ""),
        "switchboard": (person.email, ""),
        "phone": ("", person.phone),
        "other": (f"{local}.work@{domain if person.firm else 'example.org'}", person.phone),
        "lead": (person.email, person.phone),
        "converted": (person.email, person.phone),
    }[person.crm]


def _lead(desk: Desk, person: Person, at: int) -> None:
    rng, firm = desk.rng, desk.company.firms.get(person.firm)
    email, phone = _reach(person)
    fields = {
        "FirstName": person.first,
        "LastName": person.last,
        "Company": firm.name if firm else "(private)",
        "Email": email,
        "Phone": names.written(phone, rng) if phone else None,
        "Status": rng.choice(("Open - Not Contacted", "Working - Contacted")),
        "LeadSource": rng.choice(("Web", "Trade Show", "Webinar")),
        "Title": rng.choice(names.TITLES),
        "OwnerId": desk.owner(),
    }
    record = desk.save("Lead", fields, at)
    converts = at + rng.randrange(2 * DAY, 20 * DAY) if person.crm == "converted" else 0
    lead: Json = {"id": record, "person": person.key, "at": at, "converts": converts}
    desk.company.leads.append(lead)
    _note_lead(desk.company, lead, "")


def _note_lead(company: Company, lead: Json, contact: str) -> None:
    email, phone = _reach(company.people[lead["person"]])
    ids = [("salesforce_lead_id", str(lead["id"])), ("salesforce_contact_id", contact)]
    ids += [("email", email), ("phone", phone)]
    truth.note_record(company, lead["id"], lead["at"], lead["person"], ids)


def _convert(desk: Desk, lead: Json) -> None:
    person, at = desk.company.people[lead["person"]], lead["converts"]
    contact = _contact(desk, person, at)
    firm = desk.company.firms.get(person.firm)
    fields = {
        "Id": lead["id"],
        "Status": "Closed - Converted",
        "IsConverted": True,
        "ConvertedDate": datetime.fromtimestamp(at, UTC).date().isoformat(),
        "ConvertedContactId": contact,
        "ConvertedAccountId": firm.account_id or None if firm else None,
    }
    desk.save("Lead", fields, at + 1)
    _note_lead(desk.company, lead, contact)
    if firm and firm.account_id:
        _deal(desk, firm, contact, at + 2)


def _deal(desk: Desk, firm: Firm, contact: str, at: int) -> None:
    rng = desk.rng
    day = datetime.fromtimestamp(at, UTC).date()
    fields = {
        "Name": f"{firm.name} - {rng.choice(('New Business', 'Expansion', 'Renewal'))}",
        "AccountId": firm.account_id,
        "ContactId": contact if rng.random() < 0.8 else None,
        "Amount": float(rng.choice((1188, 3588, 7176, 12000, 24000))),
        "CloseDate": (day + timedelta(days=rng.randrange(20, 90))).isoformat(),
        "LeadSource": rng.choice(("Web", "Partner Referral")),
        "Type": rng.choice(("New Customer", "Existing Customer - Upgrade")),
        "OwnerId": desk.owner(),
    }
    record = desk.save("Opportunity", fields | _stage(STAGES[0]), at)
    desk.company.opportunities.append({"id": record, "stage": STAGES[0], "at": at})


def _stage(name: str) -> Json:
    is_closed = name.startswith("Closed")
    return {
        "StageName": name,
        "Probability": CHANCE[name],
        "IsClosed": is_closed,
        "IsWon": name == "Closed Won",
    }


def _move_deals(desk: Desk, sure: bool) -> None:
    running = [
        deal
        for deal in desk.company.opportunities
        if not deal["stage"].startswith("Closed") and deal["at"] < desk.company.today
    ]
    moving = [deal for deal in running if desk.rng.random() < 0.1]
    for deal in moving or (running[:1] if sure else []):
        deal["stage"] = _next_stage(deal["stage"], desk.rng)
        desk.save("Opportunity", {"Id": deal["id"], **_stage(deal["stage"])}, desk.noon())


def _next_stage(stage: str, rng: random.Random) -> str:
    if rng.random() < 0.2:
        return "Closed Lost"
    place = STAGES.index(stage) + 1
    return STAGES[place] if place < len(STAGES) else "Closed Won"


def _delete(desk: Desk, held: set[str], sure: bool) -> None:
    """Into the recycle bin; nobody's only proof of a shared number goes."""
    company = desk.company
    spare = [
        record
        for record in sorted(held)
        if company.people[company.contacts[record]].crm in ("both", "email", "phone")
    ]
    gone = [record for record in spare if desk.rng.random() < 0.0006]
    for record in gone or (spare[:1] if sure else []):
        del company.contacts[record]
        desk.store.delete("Contact", record, datetime.fromtimestamp(desk.noon(), UTC))
        truth.note_gone(company, record)
