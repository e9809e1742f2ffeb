"""SOQL over the sandbox's Salesforce records: the SELECTs a program that copies an org needs.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/
"""

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.salesforce_fields import FIELDS, Field
from sandbox.select import Condition, Literal, Order, UnexpectedTokenError, parse
from sandbox.stores import Json, SalesforceStore

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBERS = ("int", "double", "currency", "percent")


class QueryError(ValueError):
    """A query Salesforce refuses, with its code for why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def run(store: SalesforceStore, soql: str, version: str, include_deleted: bool) -> list[Json]:
    """The records as the REST API shows them, with their attributes."""
    try:
        select = parse(soql)
    except UnexpectedTokenError as error:
        raise QueryError("MALFORMED_QUERY", str(error)) from error
    query = _Query(store, soql, version)
    sobject = query.sobject(select.table)
    rows = [row for row in store.held(sobject) if include_deleted or not row["IsDeleted"]]
    tests = [query.test(sobject, condition) for condition in select.conditions]
    rows = [row for row in rows if all(test(row) for test in tests)]
    for order in reversed(select.orders):
        rows = query.ordered(sobject, rows, order)
    paths = [query.path(sobject, name) for name in select.fields]
    return [query.shown(sobject, row, paths) for row in rows[: select.limit]]


class _Query:
    def __init__(self, store: SalesforceStore, soql: str, version: str) -> None:
        self.store, self.soql, self.version = store, soql, version

    def sobject(self, name: str) -> str:
        for known in FIELDS:
            if known.lower() == name.lower():
                return known
        text = f"{self._pointer(name)}sObject type '{name}' is not supported. If you are attempting"
        raise QueryError("INVALID_TYPE", f"{text} to use a custom object, append the '__c'.")

    def path(self, sobject: str, dotted: str) -> tuple[Field, ...]:
        """Owner.Name on Contact: the reference OwnerId, then User's Name."""
        *relationships, last = dotted.split(".")
        path: list[Field] = []
        at = sobject
        for name in relationships:
            reference = _named(name, {one.relationship: one for one in FIELDS[at].values()})
            if not reference or not name:
                told = f"Didn't understand relationship '{name}' in field path."
                raise QueryError("INVALID_FIELD", f"{self._pointer(dotted)}{told}")
            path.append(reference)
            at = reference.refers_to
        found = _named(last, FIELDS[at])
        if not found:
            raise QueryError("INVALID_FIELD", f"{self._pointer(dotted)}{_no_column(last, at)}")
        return (*path, found)

    def _pointer(self, word: str) -> str:
        column = self.soql.find(word)
        return f"\n{self.soql}\n{' ' * column}^\nERROR at Row:1:Column:{column + 1}\n"

    def value(self, row: Json | None, path: tuple[Field, ...]) -> Any:
        for reference in path[:-1]:
            row = self._parent(row, reference)
        return row[path[-1].name] if row else None

    def _parent(self, row: Json | None, reference: Field) -> Json | None:
        parents = self.store.records[reference.refers_to]
        return parents.get(row[reference.name]) if row else None

    def test(self, sobject: str, condition: Condition) -> Callable[[Json], bool]:
        if condition.operator == "BETWEEN":
            raise QueryError("MALFORMED_QUERY", "unexpected token: BETWEEN")
        path = self.path(sobject, condition.field)
        wanted = [_typed(path[-1], literal) for literal in condition.values]
        return lambda row: _holds(
            _comparable(path[-1], self.value(row, path)), condition.operator, wanted
        )

    def ordered(self, sobject: str, rows: list[Json], order: Order) -> list[Json]:
        path = self.path(sobject, order.field)
        keyed = [(_comparable(path[-1], self.value(row, path)), row) for row in rows]
        empty = [row for key, row in keyed if key is None]
        full = [(key, row) for key, row in keyed if key is not None]
        full.sort(key=lambda pair: pair[0], reverse=order.descending)
        rest = [row for _, row in full]
        return rest + empty if order.nulls_last else empty + rest

    def shown(self, sobject: str, row: Json, paths: list[tuple[Field, ...]]) -> Json:
        url = f"/services/data/{self.version}/sobjects/{sobject}/{row['Id']}"
        shown: Json = {"attributes": {"type": sobject, "url": url}}
        inside: dict[Field, list[tuple[Field, ...]]] = {}
        for first, *rest in paths:
            if rest:
                inside.setdefault(first, []).append(tuple(rest))
            else:
                shown[first.name] = row[first.name]
        for reference, deeper in inside.items():
            parent = self._parent(row, reference)
            kind = reference.refers_to
            shown[reference.relationship] = self.shown(kind, parent, deeper) if parent else None
        return shown


def _named(name: str, fields: dict[str, Field]) -> Field | None:
    """SOQL does not care for capitals."""
    return {known.lower(): field for known, field in fields.items()}.get(name.lower())


def _no_column(name: str, sobject: str) -> str:
    return (
        f"No such column '{name}' on entity '{sobject}'. If you are attempting to use a custom "
        "field, be sure to append the '__c' after the custom field name. Please reference your "
        "WSDL or the describe call for the appropriate names."
    )


def _typed(field: Field, literal: Literal) -> Any:
    """The literal as the field's type; SOQL quotes texts and never dates or numbers."""
    if not literal.quoted and literal.text.lower() == "null":
        return None
    bare = field.type in ("date", "datetime", "boolean", *_NUMBERS)
    if bare == literal.quoted:
        where = "should not" if bare else "should"
        told = f"value of filter criterion for field '{field.name}' must be of type {field.type}"
        raise QueryError("INVALID_FIELD", f"{told} and {where} be enclosed in quotes")
    try:
        value = _comparable(field, literal.text)
    except ValueError as error:
        raise QueryError("MALFORMED_QUERY", f"unexpected token: {literal.text}") from error
    if isinstance(value, datetime) and value.tzinfo is None:
        told = f"value of filter criterion for field '{field.name}' must be of type dateTime"
        raise QueryError("INVALID_FIELD", told)
    return value


def _comparable(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.type == "datetime":
        return datetime.fromisoformat(value)
    if field.type == "boolean":
        return value if isinstance(value, bool) else value.lower() == "true"
    if field.type in _NUMBERS:
        return float(value)
    return str(value) if field.type in ("date", "id", "reference") else str(value).lower()


def _holds(value: Any, sign: str, wanted: list[Any]) -> bool:
    if sign in ("=", "IN"):
        return value in wanted
    if sign in ("!=", "NOT IN"):
        return value not in wanted
    return value is not None and wanted[0] is not None and _COMPARE[sign](value, wanted[0])
