"""HubSpot's properties: which an object has, and which values each takes.

https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
"""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_LONGEST = 65_536


@dataclass(frozen=True)
class Property:
    name: str
    label: str
    type: str = "string"  # string, number, date, datetime, enumeration or bool
    field_type: str = "text"
    group: str = "contactinformation"
    description: str = ""
    options: tuple[str, ...] = ()
    unique: bool = False
    readonly: bool = False
    defined_by_hubspot: bool = False

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, held: dict[str, Any]) -> Self:
        return cls(**{**held, "options": tuple(held["options"])})


class InvalidValueError(ValueError):
    """A value its property does not take, with HubSpot's code for why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


_FIELD_TYPES = {
    "number": "number",
    "date": "date",
    "datetime": "date",
    "enumeration": "select",
    "bool": "booleancheckbox",
}

TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "deals": "0-3"}

# HubSpot's own: name, type, then marks: * unique, = read only, a|b|c the options.
_STANDARD = {
    "contacts": """
        email string *
        firstname string
        lastname string
        phone string
        mobilephone string
        company string
        jobtitle string
        website string
        city string
        country string
        lifecyclestage enumeration subscriber|lead|marketingqualifiedlead|opportunity|customer|other
        hs_object_id number =
        hs_merged_object_ids string =
        createdate datetime =
        lastmodifieddate datetime =
    """,
    "companies": """
        name string
        domain string
        phone string
        city string
        country string
        industry enumeration BANKING|COMPUTER_SOFTWARE|RETAIL
        numberofemployees number
        annualrevenue number
        hs_object_id number =
        hs_merged_object_ids string =
        createdate datetime =
        hs_lastmodifieddate datetime =
    """,
    "deals": """
        dealname string
        amount number
        closedate datetime
        pipeline enumeration default
        dealstage enumeration appointmentscheduled|qualifiedtobuy|contractsent|closedwon|closedlost
        hs_object_id number =
        hs_merged_object_ids string =
        createdate datetime =
        hs_lastmodifieddate datetime =
    """,
}
# What this account added for the demo company.
_CUSTOM = {
    "contacts": """
        profile_id string *
        user_id string
        lifetime_value number
        lifetime_value_currency string
        order_count number
        invitation_count number
        plan string
        subscription_status string
        monthly_amount number
        lifecycle enumeration lead|trial|customer|churned
        first_campaign string
        first_seen_at datetime
        last_seen_at datetime
        signed_up_on date
        is_customer bool
        audiences string
        owner_name string
        deal_stage string
    """,
    "companies": """
        account_id string *
        seats number
        plan string
        renews_on date
        is_customer bool
        last_seen_at datetime
    """,
    "deals": """
        deal_id string *
        seats number
        renews_on date
        is_renewal bool
    """,
}


def _property(line: str, group: str, by_hubspot: bool) -> Property:
    name, kind, *marks = line.split()
    return Property(
        name,
        label=name.replace("_", " ").capitalize(),
        type=kind,
        field_type=_FIELD_TYPES.get(kind, "text"),
        group=group,
        options=next((tuple(mark.split("|")) for mark in marks if "|" in mark), ()),
        unique="*" in marks,
        readonly="=" in marks,
        defined_by_hubspot=by_hubspot,
    )


def _defined(kind: str, group: str) -> dict[str, Property]:
    made = [
        _property(line, group, by_hubspot)
        for table, by_hubspot in ((_STANDARD, True), (_CUSTOM, False))
        for line in table[kind].strip().splitlines()
    ]
    return {one.name: one for one in made}


DEFINED = {
    "contacts": _defined("contacts", "contactinformation"),
    "companies": _defined("companies", "companyinformation"),
    "deals": _defined("deals", "dealinformation"),
}


def kept(definition: Property, value: Any) -> str:
    """The value as HubSpot keeps it, always a text; the empty text clears the property."""
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if definition.readonly:
        told = f'"{definition.name}" is a read only property; its value cannot be set.'
        raise InvalidValueError("READ_ONLY_VALUE", told)
    if not text:
        return ""
    return _KEPT.get(definition.type, _text)(definition, text)


def _text(definition: Property, text: str) -> str:
    if definition.name == "email":
        if not _EMAIL.fullmatch(text.strip()):
            raise InvalidValueError("INVALID_EMAIL", f"Email address {text} is invalid")
        return text.strip().lower()
    if len(text) > _LONGEST:
        told = f"The value is longer than {_LONGEST} characters."
        raise InvalidValueError("PROPERTY_TOO_LONG", told)
    return text


def _number(_: Property, text: str) -> str:
    try:
        float(text)
    except ValueError as error:
        raise InvalidValueError("INVALID_INTEGER", f"{text} was not a valid number.") from error
    return text


def _option(definition: Property, text: str) -> str:
    options = definition.options or ("true", "false")
    if text not in options:
        told = f"{text} was not one of the allowed options: [{', '.join(options)}]"
        raise InvalidValueError("INVALID_OPTION", told)
    return text


def _date(_: Property, text: str) -> str:
    """A day, or the milliseconds of its midnight UTC."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    at = _moment(text, "INVALID_DATE")
    if at.time() != at.min.time():
        shown = f"{at.hour}:{at.minute}:{at.second}.{at.microsecond // 1000}"
        raise InvalidValueError("INVALID_DATE", f"{text} is at {shown} UTC, not midnight!")
    return at.date().isoformat()


def _datetime(_: Property, text: str) -> str:
    return iso(_moment(text, "INVALID_DATE"))


def _moment(text: str, code: str) -> datetime:
    if re.fullmatch(r"-?\d{1,15}", text):
        return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError(code, f"{text} was not a valid long.") from error
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


_KEPT = {
    "number": _number,
    "enumeration": _option,
    "bool": _option,
    "date": _date,
    "datetime": _datetime,
}
