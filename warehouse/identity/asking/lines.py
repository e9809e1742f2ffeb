"""Lines for identity.toml, ready to be pasted: values to block, pairs to join by hand."""

import json
import tomllib
from collections.abc import Iterable

Name = tuple[str, str]  # type and value of an identifier
WHO = "your name"


def block(text: str, values: Iterable[Name]) -> str:
    """What to add to the rules `text`, so that these values tie nobody any more.

    An identifier that blocks values of its own already gets its whole list again, to replace the
    old one: TOML has no second table of one name.
    """
    by_type: dict[str, list[str]] = {}
    for kind, value in values:
        by_type.setdefault(kind, []).append(value)
    stated = tomllib.loads(text)["identifiers"]
    return "\n".join(
        _blocked(kind, stated[kind].get("blocked", {}).get("values", []), found)
        for kind, found in by_type.items()
        if kind in stated
    )


def _blocked(kind: str, old: list[str], new: list[str]) -> str:
    head = f"[identifiers.{kind}.blocked]" + (" # instead of the one that is there" if old else "")
    listed = "".join(f"    {_quoted(value)},\n" for value in [*old, *new])
    return f"{head}\nvalues = [\n{listed}]\n"


def _quoted(value: str) -> str:
    """A JSON text is a TOML text too."""
    return json.dumps(value, ensure_ascii=False)


def join(one: Name, other: Name, reason: str) -> str:
    """What makes two identifiers one person, whatever the rules say."""
    named = ", ".join(_quoted(":".join(name)) for name in (one, other))
    return f'[[join]]\nidentifiers = [{named}]\nreason = {_quoted(reason)}\nby = "{WHO}"\n'
