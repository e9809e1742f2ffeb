"""A PostgreSQL database: a batch is a transaction, and what its errors mean is decided here.

    22… 23…                   Refused about the rows: the caller looks for the one to blame
    08… 40… 53… 55… 57…       busy, shutting down, a deadlock, no connection: again after 1, 2 and
                              4 s, then RetryLater
    28…, 42501, no such user  Refused about the login, which may not do this
    anything else             Refused about the request

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from destinations.api import LATER_S, Api
from destinations.errors import About, BadParameter, DestinationError, Refused, RetryLater

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

log = logging.getLogger(__name__)

PAUSES_S = (1.0, 2.0, 4.0)
BUSY = ("08", "40", "53", "55", "57")
# A connection that is refused has no code, only words.
NO_ENTRY = r"authentication failed|does not exist|no pg_hba\.conf entry|is not permitted to log in"


def transact(api: Api, work: "Callable[[psycopg.Connection], T]") -> T:
    """Do work in a transaction of its own: all of it, or nothing, and again while it is busy.

    Where the connection breaks while it commits nobody knows: then it is done a second time.
    """
    for pause in (*PAUSES_S, None):
        try:
            return _once(api, work)
        except RetryLater as later:
            if pause is None:
                raise
            log.info("%s is busy (%s): again in %.1f s.", api.destination, later.words, pause)
            api.pace.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _once(api: Api, work: "Callable[[psycopg.Connection], T]") -> T:
    try:
        import psycopg
    except ImportError as missing:
        words = f"{missing} (install open-cdp[postgres])"
        raise Refused(api.destination, "ImportError", words) from missing
    try:
        with psycopg.connect(
            api.arguments["url"],
            connect_timeout=10,
            application_name="open-cdp",
        ) as connection:
            # A date in a column of times is midnight in UTC, whatever the server's zone.
            connection.execute("set local timezone to 'UTC'")
            return work(connection)
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None:
            # Its own words would repeat the address, and the password in it.
            why = "it is no address like postgresql://user:password@host/database"
            raise BadParameter(api.destination, "url", why) from None
        raise _meaning(api, error) from error
    except psycopg.Error as error:
        raise _meaning(api, error) from error


def _meaning(api: Api, error: "psycopg.Error") -> DestinationError:
    code = error.sqlstate
    words = error.diag.message_primary or " ".join(str(error).split())
    if code is None and not re.search(NO_ENTRY, words):
        return RetryLater(api.destination, LATER_S, words, is_unsure=True)
    if code and code[:2] in BUSY:
        return RetryLater(api.destination, LATER_S, f"{code} {words}")
    return Refused(api.destination, code or "FATAL", words, _about(code))


def _about(code: str | None) -> About:
    if code is None or code.startswith("28") or code == "42501":
        return "login"
    return "rows" if code[:2] in ("22", "23") else "request"
