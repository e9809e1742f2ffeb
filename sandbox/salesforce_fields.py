"""What the sandbox's Salesforce org has: every object's fields, standard and custom.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/
"""

import re
from dataclasses import dataclass

PREFIXES = {
    "User": "005",
    "Account": "001",
    "Contact": "003",
    "Lead": "00Q",
    "Opportunity": "006",
    "Subscription__c": "a00",
}


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    length: int = 0  # characters; for numbers the digits before the point
    required: bool = False
    readonly: bool = False
    external_id: bool = False
    refers_to: str = ""  # the object a reference points at; its relationship is the name without Id
    picklist: tuple[str, ...] = ()  # a restricted picklist takes only these

    @property
    def relationship(self) -> str:
        """AccountId's is Account, a custom field's Contact__c is Contact__r."""
        name = self.name.removesuffix("Id")
        return re.sub("__c$", "__r", name) if self.refers_to else ""


# One line a field: name, type, length, then marks: ! required, = read only, # external id,
# >Object a reference, a|b|c a restricted picklist.
_SYSTEM = """
    Id id 18 =
    IsDeleted boolean 0 =
    CreatedDate datetime 0 =
    LastModifiedDate datetime 0 =
    SystemModstamp datetime 0 =
"""
_OWNED = _SYSTEM + "    OwnerId reference 18 >User\n"
_PERSON = """
    FirstName string 40
    LastName string 80 !
    Name string 121 =
    Title string 128
    Email email 80
    Phone phone 40
    MobilePhone phone 40
    LeadSource picklist 255
    Description textarea 32000
"""
_PROFILE = """
    Profile_Id__c string 64 #
    Lifetime_Value__c currency 16
    Lifetime_Value_Currency__c string 3
    Order_Count__c double 18
    Last_Seen__c datetime 0
    First_Seen__c datetime 0
    Plan__c string 40
    Subscription_Status__c string 40
    First_Campaign__c string 255
    Audience__c string 255
    Churn_Risk__c picklist 255 low|medium|high
    Board_Minutes__c double 18
    Is_Customer__c boolean 0
"""
_OBJECTS = {
    "User": _SYSTEM
    + """
    Name string 121
    FirstName string 40
    LastName string 80 !
    Email email 128 !
    Username string 80
    IsActive boolean 0
""",
    "Account": _OWNED
    + """
    Name string 255 !
    Account_Id__c string 64 #
    Website url 255
    Industry picklist 255
    NumberOfEmployees int 8
    AnnualRevenue currency 18
    Phone phone 40
    BillingCity string 40
    BillingCountry string 80
    Type picklist 255
    MasterRecordId reference 18 = >Account
""",
    "Contact": _OWNED
    + _PERSON
    + _PROFILE
    + """
    AccountId reference 18 >Account
    Department string 80
    MailingCity string 40
    MailingCountry string 80
    HasOptedOutOfEmail boolean 0
    MasterRecordId reference 18 = >Contact
""",
    "Lead": _OWNED
    + _PERSON
    + _PROFILE
    + """
    Company string 255 !
    Status picklist 255
    Industry picklist 255
    Website url 255
    IsConverted boolean 0 =
    ConvertedDate date 0 =
    ConvertedContactId reference 18 = >Contact
    ConvertedAccountId reference 18 = >Account
    ConvertedOpportunityId reference 18 = >Opportunity
    MasterRecordId reference 18 = >Lead
""",
    "Opportunity": _OWNED
    + """
    Name string 120 !
    AccountId reference 18 >Account
    ContactId reference 18 >Contact
    StageName picklist 255 !
    Amount currency 16
    Probability double 3
    CloseDate date 0 !
    IsClosed boolean 0 =
    IsWon boolean 0 =
    LeadSource picklist 255
    Type picklist 255
""",
    "Subscription__c": _OWNED
    + """
    Name string 80
    Subscription_Id__c string 64 #
    Contact__c reference 18 >Contact
    Amount__c currency 16
    Renews_On__c date 0
    Is_Active__c boolean 0
""",
}


def _field(line: str) -> Field:
    name, kind, length, *marks = line.split()
    return Field(
        name,
        kind,
        int(length),
        required="!" in marks,
        readonly="=" in marks,
        external_id="#" in marks,
        refers_to=next((mark[1:] for mark in marks if mark[0] == ">"), ""),
        picklist=next((tuple(mark.split("|")) for mark in marks if "|" in mark), ()),
    )


FIELDS: dict[str, dict[str, Field]] = {
    sobject: {field.name: field for field in map(_field, filter(str.strip, table.splitlines()))}
    for sobject, table in _OBJECTS.items()
}
