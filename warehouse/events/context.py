"""The context of the calls as columns: a value at any depth has one, like `context_page_url`."""

from dataclasses import dataclass, field

from warehouse.database import Database
from warehouse.events.columns import Change, Field, Path, pointer, together
from warehouse.events.names import LONGEST, snake
from warehouse.events.settle import Fresh, Settled, exact, kinds, settle
from warehouse.quoting import text

ROWS = "select context from calls_in where code is null and context is not null"
# What lies deeper stays JSON, and so does what would be one column too many.
DEEPEST = 5
MOST_COLUMNS = 1000
# So many rows are enough to guess a type by; every row is then asked whether it fits.
GUESSED_BY = 1000

# Columns that are there before the first value: what the models of this project and most queries
# read. https://www.twilio.com/docs/segment/connections/spec/common#context
EXPECTED = {
    "page.path": "VARCHAR",
    "page.referrer": "VARCHAR",
    "page.search": "VARCHAR",
    "page.title": "VARCHAR",
    "page.url": "VARCHAR",
    "campaign.name": "VARCHAR",
    "campaign.source": "VARCHAR",
    "campaign.medium": "VARCHAR",
    "campaign.term": "VARCHAR",
    "campaign.content": "VARCHAR",
    "device.id": "VARCHAR",
    "device.type": "VARCHAR",
    "device.advertisingId": "VARCHAR",
    "device.adTrackingEnabled": "BOOLEAN",
    "device.token": "VARCHAR",
    "traits.email": "VARCHAR",
    "traits.phone": "VARCHAR",
    "traits.phone_number": "VARCHAR",
    "traits.phoneNumber": "VARCHAR",
    "library.name": "VARCHAR",
    "library.version": "VARCHAR",
    "ip": "VARCHAR",
    "locale": "VARCHAR",
    "timezone": "VARCHAR",
    "userAgent": "VARCHAR",
    "groupId": "VARCHAR",
    "externalIds": "JSON",
    "integrations.Google Analytics.clientId": "VARCHAR",
}


# To know them saves asking what they are.
OBJECTS = ("app", "network", "os", "referrer", "screen")


def expected() -> list[Field]:
    paths = {tuple(name.split(".")): kind for name, kind in EXPECTED.items()}
    return [Field(path, _column(path) or "", kind) for path, kind in paths.items()]


KEEP = """
update calls_in set
    _extra = json_merge_patch(coalesce(_extra, '{}'), json_object('context', context))
where code is null"""


@dataclass
class Context:
    """What is known of the context: fields that have columns, and paths that cannot have one."""

    fields: list[Field]
    nameless: set[Path] = field(default_factory=set)
    here: list[Field] = field(default_factory=list)

    def learn(self, db: Database, *, is_trusting: bool) -> list[Change]:
        """Make room for everything that stands in the context of `calls_in`.

        Of the fields, those that stand in it are `here`: the rest need not be looked for. If
        `is_trusting`, nobody has asked yet whether the values fit.
        """
        fresh: dict[Path, str] = {}
        known = {known.path: known for known in self.fields}
        seen, leaves = _leaves(db, self._objects(), set(known))
        for path in sorted(leaves):
            column = _column(path)
            if column and len(self.fields) + len(fresh) < MOST_COLUMNS:
                fresh[path] = column
            else:
                self.nameless.add(path)
        calls = (ROWS, "context")
        candidates = [Field(path, column, "JSON") for path, column in fresh.items()]
        guesses = kinds(db, calls, candidates, limit=GUESSED_BY)
        standing = [
            field for path, field in known.items() if path in seen or field.column in fresh.values()
        ]
        named = [Fresh(path, column, guesses.get(path, [])) for path, column in fresh.items()]
        return self._take(settle(db, calls, standing, named, is_trusting=is_trusting))

    def exactly(self, db: Database, calls: str, changes: list[Change]) -> list[Change]:
        """The changes that the table of calls can bear, by what is in it."""
        return self._take(exact(db, calls, Settled(self.here, changes)))

    def _take(self, settled: Settled) -> list[Change]:
        self.here = settled.fields
        self.fields = together(self.fields, settled.fields)
        return settled.changes

    def keep_nameless(self, db: Database) -> None:
        """What has no column goes to `_extra`, with the context around it."""
        if self.nameless:
            pointers = [pointer(path) for path in sorted(self.nameless)]
            db.run(f"{KEEP} and list_count(json_type(context, ?::varchar[])) > 0", [pointers])

    def _objects(self) -> set[Path]:
        known = {known.path[:depth] for known in self.fields for depth in range(len(known.path))}
        return known | {(name,) for name in OBJECTS}


def _column(path: Path) -> str | None:
    """Keys that SQL cannot hold have no column."""
    name = snake(" ".join(path))
    is_fit = 0 < len(name) <= LONGEST and "\0" not in "".join(path)
    return f"context_{name}" if is_fit else None


def _leaves(db: Database, objects: set[Path], known: set[Path]) -> tuple[set[Path], set[Path]]:
    """All paths that stand in `calls_in`, at whatever depth; and those of values not yet known.

    1. all distinct shapes: the keys of every object that is known so far
    2. what is new in them, or an object without keys, may be an object or a value: ask which
    3. new objects may have keys of their own: once more
    """
    objects, leaves = objects | {()}, set[Path]()
    while True:
        asked = sorted(objects)
        seen, doubtful = set[Path](), set[Path]()
        for (shape,) in db.run(
            f"select any_value(keys) from (select json_keys(context, {_pointers(asked)}) as keys"
            f" from ({ROWS})) group by hash(keys)"
        ):
            for path, keys in zip(asked, shape, strict=True):
                seen |= {(*path, key) for key in keys or ()}
                doubtful |= {path} if path and keys == [] else set()
        found, values = _told_apart(db, sorted((seen - objects | doubtful) - known - leaves))
        leaves |= values
        if found <= objects:
            return seen, leaves
        objects |= found


def _told_apart(db: Database, paths: list[Path]) -> tuple[set[Path], set[Path]]:
    """Which of these are objects, and which are values; one may be both."""
    objects, values = set[Path](), set[Path]()
    if not paths:
        return objects, values
    for (types,) in db.run(f"select distinct json_type(context, {_pointers(paths)}) from ({ROWS})"):
        for path, found in zip(paths, types, strict=True):
            if found == "OBJECT" and len(path) < DEEPEST:
                objects.add(path)
            elif found not in (None, "NULL"):
                values.add(path)
    return objects, values


def _pointers(paths: list[Path]) -> str:
    return "[" + ", ".join(text(pointer(path)) for path in paths) + "]"
