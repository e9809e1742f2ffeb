"""Conditions under which a JSON value fits a column, in long words and in few."""

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from warehouse.events.columns import FITS, SURELY_FITS

NUMBERS = st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TIMES = st.from_regex(
    r"\"[0-9]{4,5}-[0-9]{1,2}-[0-9]{1,3}[T ][0-9:]{2,8}(\.[0-9]{1,9})?(Z|[+-][0-9:]{2,5})?\"",
    fullmatch=True,
)
WORDS = st.sampled_from(['"5"', '"a.b"', "true", "false", "NaN", "Infinity", "{}", "[1]", '""'])
VALUES = st.lists(NUMBERS | TIMES | WORDS, min_size=1, max_size=200)


def holding(condition: str, values: list[str]) -> list[str]:
    """Of some values those for which a condition holds."""
    found = duckdb.execute(
        f"select value from (select unnest(?::varchar[]) as value) where {condition}", [values]
    ).fetchall()
    return [value for (value,) in found]


@given(VALUES)
def test_what_surely_fits_a_type_fits_it(values: list[str]) -> None:
    for kind, surely in SURELY_FITS.items():
        wrong = f"({surely}) and not ({FITS[kind]})".format("value")
        assert (kind, holding(wrong, values)) == (kind, [])


def test_common_values_surely_fit() -> None:
    common = {
        "BOOLEAN": ["true", "false"],
        "BIGINT": ["0", "-7", "9223372036854775807"],
        "DOUBLE": ["1", "-0.5", "19.990000000000002", "1e-07"],
        "TIMESTAMP WITH TIME ZONE": [
            '"2026-10-01T00:00:07.852Z"',
            '"2026-10-01T00:00:07Z"',
            '"2026-10-01T00:00:07.123456+02:00"',
            '"2026-10-01T00:00:07"',
        ],
    }
    for kind, values in common.items():
        assert holding(SURELY_FITS[kind].format("value"), values) == values
