"""What happens at Stripe on a day: new customers, renewals, failed cards, refunds, good-byes."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from sandbox.company import names, stripe_objects, stripe_payments, truth
from sandbox.company.state import (
    DAY,
    Charge,
    Company,
    Customer,
    Identifier,
    Invoice,
    Json,
    Person,
    Subscription,
)
from sandbox.stores import StripeStore

Held = TypeVar("Held")

LENGTH = {"month": 30 * DAY, "year": 365 * DAY}
TRIAL = 14 * DAY
KEPT = 35 * DAY  # how long a charge may still be refunded


@dataclass
class Desk:
    """The day's work for Stripe: changes are collected, then saved in the order of their time."""

    company: Company
    rng: random.Random
    changes: list[tuple[int, str, str, Json | None]] = field(default_factory=list)

    def customer(self, held: Customer, at: int) -> None:
        self.changes.append((at, "customers", held.id, stripe_objects.customer(held)))

    def subscription(self, held: Subscription, at: int) -> None:
        self.company.subscriptions[held.id] = held
        plan = held.plan if held.status in ("active", "trialing", "past_due") else "free"
        person = self.company.people[self.company.customers[held.customer].person]
        person.plan = plan
        if person.firm:
            self.company.firms[person.firm].plan = plan
        self.changes.append((at, "subscriptions", held.id, stripe_objects.subscription(held)))

    def invoice(self, held: Invoice, at: int) -> None:
        buyer = self.company.customers[held.customer]
        self.changes.append((at, "invoices", held.id, stripe_payments.invoice(held, buyer)))

    def charge(self, held: Charge, at: int) -> None:
        self.company.charges[held.id] = held
        buyer = self.company.customers[held.customer]
        self.changes.append((at, "charges", held.id, stripe_payments.charge(held, buyer)))

    def noon(self) -> int:
        return self.company.today + self.rng.randrange(8 * 3600, 20 * 3600)

    def save(self, store: StripeStore) -> None:
        for at, kind, record, made in sorted(self.changes, key=lambda change: change[0]):
            if made is None:
                store.delete(kind, record, datetime.fromtimestamp(at, UTC))
            else:
                store.save(kind, made, datetime.fromtimestamp(at, UTC))


def run(company: Company, store: StripeStore, *, sure: bool) -> None:
    """One day; `sure` makes each kind of change happen at least once."""
    desk = Desk(company, company.rng("billing"))
    end = company.today + DAY
    for person in list(company.people.values()):
        if company.today <= person.pays_from < end:
            _open(desk, person)
    for held in list(company.subscriptions.values()):
        if held.status in ("active", "trialing") and held.period_end < end:
            _renew(desk, held)
        elif held.retry_at and held.retry_at < end:
            _retry(desk, held)
    steady = [held for held in company.subscriptions.values() if _is_steady(company, held)]
    _some(desk, steady, 0.004, sure, _upgrade)
    _some(desk, steady, 0.003, sure, _cancel)
    paid = [held for held in company.charges.values() if _is_refundable(company, held)]
    _some(desk, paid, 0.004, sure, _refund)
    known = [held for held in company.customers.values() if not held.deleted and held.created < end]
    older = [held for held in known if held.created < company.today]
    _some(desk, [held for held in older if "(" not in held.name], 0.002, sure, _rename)
    stayers = _stayers(company)
    leavers = [held for held in older if held.id not in stayers and not _is_shared(company, held)]
    _some(desk, leavers, 0.02, sure, _delete)
    company.charges = {
        key: held for key, held in company.charges.items() if held.created > company.today - KEPT
    }
    desk.save(store)


def _some(
    desk: Desk, held: list[Held], share: float, sure: bool, change: Callable[[Desk, Held], None]
) -> None:
    chosen = [one for one in held if desk.rng.random() < share]
    if sure and held and not chosen:
        chosen = [desk.rng.choice(held)]
    for one in chosen:
        held.remove(one)
        change(desk, one)


def _is_steady(company: Company, held: Subscription) -> bool:
    """Nothing else happens to it today, so that one change follows the other."""
    is_quiet = held.created < company.today and held.period_start < company.today
    return held.status == "active" and is_quiet and not held.cancel_at_period_end


def _is_refundable(company: Company, held: Charge) -> bool:
    return held.status == "succeeded" and not held.refunded and held.created < company.today


def _is_shared(company: Company, held: Customer) -> bool:
    return company.people[held.person].pays == "billing"


def _stayers(company: Company) -> set[str]:
    """Customers with a subscription that runs, or that ended only today."""
    running = company.subscriptions.values()
    return {one.customer for one in running if not 0 < one.ended_at < company.today}


def _open(desk: Desk, person: Person) -> None:
    """A person becomes a customer with a subscription, often on trial, sometimes by the year."""
    rng, at = desk.rng, person.pays_from
    held = Customer(
        id=f"cus_{names.code(rng, 14)}",
        person=person.key,
        email=_billing_email(desk.company, person),
        name=f"{person.first} {person.last}",
        phone=names.written(person.phone, rng) if _shows_phone(person, rng) else "",
        country=person.country,
        currency=names.CURRENCIES[person.country],
        user_id=person.user_id if person.pays in ("both", "metadata", "billing") else "",
        created=at,
    )
    desk.company.customers[held.id] = held
    desk.customer(held, at)
    _note(desk.company, held, person)
    interval = "year" if rng.random() < 0.2 else "month"
    on_trial = rng.random() < 0.4
    begun = at + 60
    new = Subscription(
        id=f"sub_{names.code(rng, 24)}",
        customer=held.id,
        plan=rng.choices(list(names.PLANS), weights=(55, 32, 13))[0],
        interval=interval,
        currency=held.currency,
        created=begun,
        status="trialing" if on_trial else "incomplete",
        period_start=begun,
        period_end=begun + (TRIAL if on_trial else LENGTH[interval]),
        trial_end=begun + TRIAL if on_trial else 0,
    )
    desk.subscription(new, begun)
    if not on_trial:
        _pay(desk, new, begun + 1, "subscription_create")


def _shows_phone(person: Person, rng: random.Random) -> bool:
    return bool(person.phone) and person.pays == "both" and rng.random() < 0.4


def _billing_email(company: Company, person: Person) -> str:
    """Stripe's address is the app's, the firm's, or another of the person's own."""
    if person.pays in ("both", "email"):
        return person.email
    if person.pays == "billing":
        return f"billing@{company.firms[person.firm].domain}"
    local, domain = person.email.split("@")
    return f"{local}.billing@{domain if person.firm else 'example.net'}"


def _note(company: Company, held: Customer, person: Person) -> None:
    ids: list[Identifier] = [
        ("stripe_customer_id", held.id),
        ("user_id", held.user_id),
        ("email", held.email.lower()),
        ("phone", person.phone if held.phone else ""),
    ]
    truth.note_record(company, held.id, held.created, person.key, ids)


def _renew(desk: Desk, held: Subscription) -> None:
    """The period is over: a good-bye takes effect, a trial turns into the first invoice."""
    # A period that ended while the card was being tried again is renewed as soon as it has paid.
    today = desk.company.today
    at = held.period_end if held.period_end >= today else today + 3600
    if held.cancel_at_period_end:
        desk.subscription(replace(held, status="canceled", ended_at=at), at)
        return
    reason = "subscription_cycle"
    next_end = at + LENGTH[held.interval]
    _pay(desk, replace(held, period_start=at, period_end=next_end), at, reason)


def _pay(desk: Desk, held: Subscription, at: int, reason: str) -> None:
    buyer = desk.company.customers[held.customer]
    buyer.invoice_count += 1
    owed = Invoice(
        id=f"in_{names.code(desk.rng, 24)}",
        number=f"{buyer.id[-8:].upper()}-{buyer.invoice_count:04d}",
        customer=held.customer,
        subscription=held.id,
        plan=held.plan,
        interval=held.interval,
        reason=reason,
        amount=stripe_objects.price_of(held.plan, held.interval, held.currency),
        currency=held.currency,
        created=at,
        period_start=held.period_start,
        period_end=held.period_end,
    )
    desk.invoice(owed, at)
    _charge(desk, replace(held, latest_invoice=owed.id), owed, at + 1, chance=0.93)


def _charge(desk: Desk, held: Subscription, owed: Invoice, at: int, chance: float) -> None:
    """Tries the card. Paid: all is well. Refused: past due, and another try in three days."""
    is_paid = desk.rng.random() < chance
    tried = Charge(
        id=f"ch_{names.code(desk.rng, 24)}",
        customer=held.customer,
        invoice=owed.id,
        amount=owed.amount,
        currency=owed.currency,
        created=at,
        status="succeeded" if is_paid else "failed",
    )
    desk.charge(tried, at)
    owed = replace(owed, attempts=owed.attempts + 1, charge=tried.id)
    buyer = desk.company.customers[held.customer]
    if buyer.delinquent == is_paid:
        buyer.delinquent = not is_paid
        desk.customer(buyer, at + 3)
    if is_paid:
        desk.company.invoices.pop(owed.id, None)
        desk.invoice(replace(owed, status="paid", paid_at=at), at + 1)
        held = replace(held, status="active", owed_invoice="", retry_at=0)
    else:
        desk.company.invoices[owed.id] = owed
        desk.invoice(owed, at + 1)
        held = replace(held, status="past_due", owed_invoice=owed.id, retry_at=at + 3 * DAY)
    desk.subscription(held, at + 2)


def _retry(desk: Desk, held: Subscription) -> None:
    """The second and third try; after that the subscription ends and the invoice is written off."""
    at, owed = held.retry_at, desk.company.invoices[held.owed_invoice]
    if owed.attempts < 3:
        _charge(desk, held, owed, at, chance=0.45)
        return
    desk.company.invoices.pop(owed.id)
    desk.invoice(replace(owed, status="uncollectible"), at)
    ended = replace(held, status="canceled", canceled_at=at, ended_at=at, retry_at=0)
    desk.subscription(ended, at + 1)


def _upgrade(desk: Desk, held: Subscription) -> None:
    plans = list(names.PLANS)
    plan = plans[min(plans.index(held.plan) + 1, len(plans) - 1)]
    interval = "year" if plan == held.plan and held.interval == "month" else held.interval
    at = desk.noon()
    _pay(desk, replace(held, plan=plan, interval=interval), at, "subscription_update")


def _cancel(desk: Desk, held: Subscription) -> None:
    """Half leave at once, half at the end of what they have paid for."""
    at = desk.noon()
    if desk.rng.random() < 0.5:
        gone = replace(held, status="canceled", canceled_at=at, ended_at=at)
    else:
        gone = replace(held, cancel_at_period_end=True, canceled_at=at)
    desk.subscription(gone, at)


def _refund(desk: Desk, held: Charge) -> None:
    share = desk.rng.choice((1.0, 1.0, 0.5, 0.25))
    at = desk.noon()
    desk.charge(replace(held, refunded=round(held.amount * share)), at)


def _rename(desk: Desk, held: Customer) -> None:
    """A change that only Stripe's events show: the object has no field that says when."""
    held.name = f"{held.name} (Accounting)"
    desk.customer(held, desk.noon())


def _delete(desk: Desk, held: Customer) -> None:
    held.deleted = True
    desk.changes.append((desk.noon(), "customers", held.id, None))
    truth.note_gone(desk.company, held.id)
