"""Does a sync's mapping fit what the tool says of its object? All that does not, at once.

A field that the tool lacks, cannot write or must have stops the run before it sends. A value that
is too long or no choice of the field costs its row only, which the tool will refuse; `cdp plan`
says how many those are.
"""

import difflib
import re
from collections.abc import Iterator, Mapping

from destinations.rows import FieldSpec
from warehouse.database import Database
from warehouse.quoting import quoted, text
from warehouse.sync import Sync

# Families of types that do not turn into one another; what stands in none of them is not judged.
OURS = {
    "boolean": ("BOOLEAN",),
    "number": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL"),
    "time": ("DATE", "TIMESTAMP"),
}
THEIRS = {
    "boolean": ("BOOL", "BOOLEAN", "CHECKBOX"),
    "number": ("NUMBER", "INT", "INTEGER", "LONG", "DOUBLE", "FLOAT", "CURRENCY", "PERCENT"),
    "time": ("DATE", "DATETIME", "TIMESTAMP"),
}
CLASHES = {
    ("boolean", "number"),
    ("boolean", "time"),
    ("number", "boolean"),
    ("time", "boolean"),
    ("time", "number"),
}


def mistakes(sync: Sync, columns: Mapping[str, str], specs: Mapping[str, FieldSpec]) -> list[str]:
    """What is wrong with the mapping, a sentence each."""
    known = {name.casefold(): name for name in specs}
    mapped = {name.casefold(): name for name in columns if sync.is_sent(name)}
    return [*_unknown(mapped, known), *_unfit(sync, columns, mapped, known, specs)]


def _unknown(mapped: Mapping[str, str], known: Mapping[str, str]) -> Iterator[str]:
    for folded, name in mapped.items():
        # `Account.Account_Id__c` is a field of a parent: the tool names the way to it.
        parent, _, field = folded.partition(".")
        if folded not in known and not (field and parent in known):
            near = difflib.get_close_matches(folded, known, 1)
            hint = f"; it has {known[near[0]]}" if near else ""
            yield f"{name}: the tool has no such field{hint}"


def _unfit(
    sync: Sync,
    columns: Mapping[str, str],
    mapped: Mapping[str, str],
    known: Mapping[str, str],
    specs: Mapping[str, FieldSpec],
) -> Iterator[str]:
    for folded, spelled in known.items():
        spec, name = specs[spelled], mapped.get(folded)
        if name is None:
            if spec.is_required and sync.mode != "update":
                yield f"{spelled}: the tool requires this field, and no column fills it"
        elif not spec.is_writable and name != sync.key:
            yield f"{name}: the tool does not let this field be written"
        elif (
            _family(columns[name].partition("(")[0].split()[0], OURS),
            _family(spec.type.lower(), THEIRS),
        ) in CLASHES:
            yield f"{name}: {columns[name].lower()} does not fit the tool's {spec.type}"


def doubts(
    db: Database, rows: str, columns: Mapping[str, str], specs: Mapping[str, FieldSpec]
) -> list[str]:
    """How many values of a SELECT of rows the tool will refuse, a sentence for each field."""
    known = {name.casefold(): spec for name, spec in specs.items()}
    found: list[str] = []
    for name, type_ in columns.items():
        spec = known.get(name.casefold())
        if spec and type_ == "VARCHAR":
            found += _values_unfit(db, rows, name, spec)
    return found


def _values_unfit(db: Database, rows: str, name: str, spec: FieldSpec) -> Iterator[str]:
    count = f"select count(*) from ({rows}) where"
    if spec.length is not None:
        too_long = db.value(f"{count} length({quoted(name)}) > {spec.length}")
        if too_long:
            yield f"{name}: {too_long} values are longer than the tool's {spec.length} characters"
    if spec.choices:
        choices = ", ".join(map(text, spec.choices))
        no_choice = db.value(f"{count} {quoted(name)} <> '' and {quoted(name)} not in ({choices})")
        if no_choice:
            yield f"{name}: {no_choice} values are none of the tool's choices"


def _family(word: str, families: Mapping[str, tuple[str, ...]]) -> str | None:
    """`DECIMAL(18,2)` and `TIMESTAMP WITH TIME ZONE` by their first word."""
    first = re.split(r"\W", word.upper())[0]
    return next((family for family, words in families.items() if first in words), None)
