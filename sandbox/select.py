"""The one SELECT form that SOQL and GAQL share: fields, one table, ANDed conditions, order, limit.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/
https://developers.google.com/google-ads/api/docs/query/grammar
"""

import re
from dataclasses import dataclass, field
from typing import NoReturn

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<word>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?|-?\d+(?:\.\d+)?|[A-Za-z_][\w.]*)
    |(?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_CLAUSES = {"FROM", "WHERE", "ORDER", "LIMIT", "PARAMETERS"}


@dataclass(frozen=True)
class Literal:
    """A value as written; `quoted` tells the text '5' from the number 5."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Condition:
    field: str
    operator: str  # = != < <= > >= IN, NOT IN or BETWEEN
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Order:
    field: str
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Select:
    fields: tuple[str, ...]
    table: str
    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()
    limit: int | None = None


class UnexpectedTokenError(ValueError):
    def __init__(self, token: str) -> None:
        self.token = token
        super().__init__(f"unexpected token: {token or '<EOF>'}")


def parse(query: str) -> Select:
    """Raises UnexpectedTokenError where the query leaves the form."""
    words = _Words(_tokens(query))
    words.need("SELECT")
    fields = words.names()
    words.need("FROM")
    table = words.name()
    conditions = _conditions(words) if words.take("WHERE") else ()
    orders = _orders(words) if words.take("ORDER") else ()
    limit = int(words.name(r"\d+")) if words.take("LIMIT") else None
    if words.left:
        words.refuse()
    return Select(fields, table, conditions, orders, limit)


def _tokens(query: str) -> list[str]:
    tokens, at = [], 0
    while query[at:].strip():
        match = _TOKEN.match(query, at)
        if not match:
            raise UnexpectedTokenError(query[at:].split(maxsplit=1)[0])
        tokens.append(match[0].strip())
        at = match.end()
    return tokens


@dataclass
class _Words:
    left: list[str] = field(default_factory=list)

    def refuse(self) -> NoReturn:
        raise UnexpectedTokenError(self.left[0] if self.left else "")

    def take(self, word: str) -> bool:
        if not self.left or self.left[0].upper() != word:
            return False
        self.left.pop(0)
        return True

    def need(self, word: str) -> None:
        if not self.take(word):
            self.refuse()

    def name(self, form: str = r"[A-Za-z_][\w.]*") -> str:
        if not self.left or not re.fullmatch(form, self.left[0]):
            self.refuse()
        if self.left[0].upper() in _CLAUSES:
            self.refuse()
        return self.left.pop(0)

    def names(self) -> tuple[str, ...]:
        names = [self.name()]
        while self.take(","):
            names.append(self.name())
        return tuple(names)

    def literal(self) -> Literal:
        if not self.left or self.left[0] in ("(", ")", ","):
            self.refuse()
        text = self.left.pop(0)
        if text[0] in "'\"":
            return Literal(re.sub(r"\\(.)", r"\1", text[1:-1]), quoted=True)
        return Literal(text, quoted=False)

    def literals(self) -> tuple[Literal, ...]:
        self.need("(")
        values = [self.literal()]
        while self.take(","):
            values.append(self.literal())
        self.need(")")
        return tuple(values)


def _conditions(words: _Words) -> tuple[Condition, ...]:
    conditions = [_condition(words)]
    while words.take("AND"):
        conditions.append(_condition(words))
    return tuple(conditions)


def _condition(words: _Words) -> Condition:
    name = words.name()
    if words.take("IN"):
        return Condition(name, "IN", words.literals())
    if words.take("NOT"):
        words.need("IN")
        return Condition(name, "NOT IN", words.literals())
    if words.take("BETWEEN"):
        low = words.literal()
        words.need("AND")
        return Condition(name, "BETWEEN", (low, words.literal()))
    operator = words.name("[=<>!]+").replace("<>", "!=")
    return Condition(name, operator, (words.literal(),))


def _orders(words: _Words) -> tuple[Order, ...]:
    words.need("BY")
    orders = [_order(words)]
    while words.take(","):
        orders.append(_order(words))
    return tuple(orders)


def _order(words: _Words) -> Order:
    name = words.name()
    descending = not words.take("ASC") and words.take("DESC")
    nulls_last = False
    if words.take("NULLS"):
        nulls_last = not words.take("FIRST")
        if nulls_last:
            words.need("LAST")
    return Order(name, descending, nulls_last)
