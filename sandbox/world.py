"""The world the sandbox's APIs show: every vendor's store, and the virtual clock they share."""

from datetime import datetime, timedelta
from typing import Self

from sandbox.hubspot_store import HubSpotStore
from sandbox.marketo_leads import MarketoStore
from sandbox.mixpanel_store import MixpanelStore
from sandbox.stores import (
    CustomerioStore,
    GoogleAdsStore,
    Json,
    SalesforceStore,
    StripeStore,
)
from sandbox.vitally_store import VitallyStore
from sandbox.webhook_store import WebhookStore


class World:
    """Everything the vendors hold. `now` is the virtual clock; `company` is the generator's own."""

    VENDORS = (
        "stripe",
        "salesforce",
        "google_ads",
        "hubspot",
        "customerio",
        "marketo",
        "mixpanel",
        "vitally",
        "webhook",
    )

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.stripe = StripeStore()
        self.salesforce = SalesforceStore(now)
        self.google_ads = GoogleAdsStore()
        self.hubspot = HubSpotStore()
        self.customerio = CustomerioStore()
        self.marketo = MarketoStore()
        self.mixpanel = MixpanelStore()
        self.vitally = VitallyStore()
        self.webhook = WebhookStore()
        self.company: Json = {}

    def tick(self) -> datetime:
        """The time of one write: a little later than the one before."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def held(self, vendor: str, kind: str) -> list[Json]:
        """Everything a vendor holds of a kind; KeyError when there is no such vendor or kind."""
        stores = {vendor: getattr(self, vendor) for vendor in self.VENDORS}
        rows: list[Json] = stores[vendor].held(kind)
        return rows

    def dump(self) -> Json:
        stores = {vendor: getattr(self, vendor).dump() for vendor in self.VENDORS}
        return {"now": self.now.isoformat(), "company": self.company, **stores}

    @classmethod
    def load(cls, held: Json) -> Self:
        world = cls(datetime.fromisoformat(held["now"]))
        for vendor in cls.VENDORS:
            getattr(world, vendor).load(held[vendor])
        world.company = held["company"]
        return world
