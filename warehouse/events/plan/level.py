"""What a tracking plan looks at in one go, as SQL: a level, which is values of one kind.

Such are the properties of an event, or all the elements of an array in them. One parse takes the
types out of each value, another the texts that are needed. JSON pointers tell apart what columns
of a struct could not: "A" and "a", "a.b" and "".
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from warehouse.events.plan.checks import NUMBERS, Value
from warehouse.quoting import text

SHOWN = 100
MISSING = "-"
ANYTHING = frozenset((*NUMBERS, "VARCHAR", "BOOLEAN", "NULL", "OBJECT", "ARRAY", MISSING))


@dataclass(frozen=True)
class Node:
    """A place in the values of a level: its JSON pointer, and what people call it."""

    pointer: str
    field: str
    omitted: str | None = None  # the property that would be omitted for it
    is_body: bool = False  # its fields are the properties or traits
    # RFC 6901 reads "0" as the name of a field or as the place in an array: these must be objects.
    guards: tuple[str, ...] = ()

    def below(self, name: str) -> "Node":
        return Node(
            f"{self.pointer}/{name.replace('~', '~0').replace('/', '~1')}",
            f"{self.field}.{name}" if self.field else name,
            name if self.is_body else self.omitted,
            guards=(*self.guards, self.pointer) if re.fullmatch(r"\d+", name) else self.guards,
        )


@dataclass(frozen=True)
class Check:
    """Something that may be wrong; `pointer` leads to the value that is to be shown."""

    condition: str
    kind: str
    field: str
    pointer: str | None
    words: str
    action: str
    omitted: str | None


@dataclass
class Level:
    """Values of one kind, and what may be wrong with them: of the checks of a place, the first.

    Most calls are fine and must cost little. So one statement finds those that may be wrong, where
    a type is not among the `usual`, or one of `suspicions` is true; others say what it is.
    """

    value: str
    where: str = ""
    parent: "Level | None" = None
    types: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    usual: dict[str, frozenset[str]] = field(default_factory=dict)
    suspicions: list[str] = field(default_factory=list)
    checks: list[list[Check]] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)
    below: list["Level"] = field(default_factory=list)

    def all(self) -> Iterator["Level"]:
        """Itself and those below it, where there is anything to look for."""
        if self.checks or self.others:
            yield self
        for level in self.below:
            yield from level.all()

    def type(self, node: Node) -> str:
        return self._guarded(node, f"t[{_place(self.types, node.pointer)}]")

    def expect(self, node: Node, types: Collection[str]) -> None:
        """It is suspicious where it has none of these types."""
        _place(self.types, node.pointer)
        self.usual[node.pointer] = self.usual.get(node.pointer, ANYTHING) & {*types}

    def value_of(self, node: Node) -> Value:
        size = f"json_array_length(v, {text(node.pointer)})"
        return Value(self.type(node), lambda: f"s[{_place(self.texts, node.pointer)}]", size)

    def keys(self, node: Node) -> str:
        return self._guarded(node, f"json_keys(v, {text(node.pointer)})")

    def elements(self, node: Node) -> "Level":
        """The level of the elements of an array."""
        value = f"json_extract(v, {text(node.pointer)})"
        for at in node.guards:
            value = f"case when json_type(v, {text(at)}) = 'OBJECT' then {value} end"
        self.below.append(Level(value, parent=self))
        return self.below[-1]

    def find(self) -> str:
        """The calls with something that may be wrong."""
        # BIGINT is found in UBIGINT; the two always go together.
        usual = ", ".join(
            text(" ".join(sorted(self.usual.get(pointer, ANYTHING)))) for pointer in self.types
        )
        is_usual = f"lambda one, i: contains([{usual}][i], coalesce(one, '{MISSING}'))"
        suspicions = [f"list_contains(list_transform(t, {is_usual}), false)"] if self.usual else []
        # A filter would be moved below, to parse once for each suspicion.
        found = f"unnest(case when {' or '.join([*suspicions, *self.suspicions])} then [n] end)"
        return f"select distinct {found} as n from ({self._taken('calls_in')})"

    def tell(self, calls: str) -> Iterator[str]:
        """What is wrong with them, in the columns of plan_violations."""
        if self.checks:
            yield self._tell(calls)
        for columns, keys in self.others:
            found = f"select n, v, unnest({keys}) as k from ({self._taken(calls)})"
            yield f"select {columns} from ({found})"

    def _tell(self, calls: str) -> str:
        flat = [check for checks in self.checks for check in checks]
        numbers = iter(range(1, len(flat) + 1))
        cases = (
            f"case {' '.join(f'when {one.condition} then {next(numbers)}' for one in checks)} end"
            for checks in self.checks
        )

        def of(name: str) -> str:
            listed = ", ".join(nullable(getattr(check, name)) for check in flat)
            return f"([{listed}]::varchar[])[k]"

        value = f"coalesce(' is ' || {shown(of('pointer'))} || ', ', ' ')"
        # Several elements of an array say the same of one field.
        return f"""
            select n, {of("kind")}, {of("field")}, min({of("field")} || {value} || {of("words")}),
                {of("action")}, {of("omitted")}
            from (select n, v, unnest([{", ".join(cases)}]) as k from ({self._taken(calls)}))
            where k is not null
            group by all"""

    def _guarded(self, node: Node, found: str) -> str:
        if not node.guards:
            return found
        are_objects = (f"t[{_place(self.types, at)}] = 'OBJECT'" for at in node.guards)
        return f"(case when {' and '.join(are_objects)} then {found} end)"

    def _taken(self, calls: str) -> str:
        lists = {"t": ("json_type", self.types), "s": ("json_extract_string", self.texts)}
        taken = "".join(
            f", {function}(v, [{', '.join(map(text, pointers))}]) as {name}"
            for name, (function, pointers) in lists.items()
            if pointers
        )
        return f"select n, v{taken} from ({self._values(calls)})"

    def _values(self, calls: str) -> str:
        if self.parent:
            elements = f"unnest(json_extract({self.value}, '$[*]'))"
            return f"select n, {elements} as v from ({self.parent._values(calls)})"
        return f"select n, {self.value} as v from {calls} where {self.where}"


def shown(pointer: str) -> str:
    """The beginning of a value, as JSON."""
    value = f"json_extract(v, {pointer})::varchar"
    return f"if(length({value}) > {SHOWN}, left({value}, {SHOWN}) || '…', {value})"


def nullable(value: str | None) -> str:
    return "null" if value is None else text(value)


def _place(pointers: list[str], pointer: str) -> int:
    if pointer not in pointers:
        pointers.append(pointer)
    return pointers.index(pointer) + 1
