"""Is what a tool shows of a record what we said of it?"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from destinations.rows import Row, moment


def differing(ours: Row, theirs: Row) -> Iterator[tuple[str, Any, Any]]:
    """Each field that the tool shows otherwise: its name, our value and the tool's."""
    shown = {name.casefold(): value for name, value in theirs.items()}
    for name, value in ours.items():
        if name.casefold() in shown and not same(value, shown[name.casefold()]):
            yield name, value, shown[name.casefold()]


def same(ours: Any, theirs: Any) -> bool:
    """Tools show values in their own way: all as text, times as ISO or as milliseconds, and so on.

    Text is compared without case around it: tools turn e-mail addresses to lower case.
    """
    if _is_empty(ours) or _is_empty(theirs):
        return _is_empty(ours) and _is_empty(theirs)
    match ours:
        case bool():
            return str(theirs).lower() in (("true", "1") if ours else ("false", "0"))
        case int() | float() | Decimal():
            return _number(theirs) == _number(ours)
        case date():
            return _moment(ours) in (_moment(theirs), *_epochs(theirs))
        case list():
            listed = theirs if isinstance(theirs, list) else str(theirs).split(";")
            return sorted(map(str, ours)) == sorted(map(str, listed))
        case _:
            return str(ours).strip().casefold() == str(theirs).strip().casefold()


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [])


def _number(value: Any) -> float | None:
    try:
        return float(Decimal(str(value)))
    except InvalidOperation:
        return None


def _moment(value: Any) -> datetime | None:
    """To the millisecond, which is as much as the tools keep."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", value))
        except ValueError:
            return None
    if not isinstance(value, date):
        return None
    at = moment(value)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _epochs(value: Any) -> list[datetime]:
    """A number as seconds and as milliseconds."""
    number = _number(value)
    if number is None or not 0 <= number < 1e13:
        return []
    return [
        datetime.fromtimestamp(number / unit, UTC) for unit in (1, 1000) if number / unit < 1e11
    ]
