"""A model: one SELECT in a .sql file, with a header of comment lines that says what it is."""

import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from warehouse.mistakes import Mistake

DIALECT = "duckdb"
WORDS = {
    "key": "the column that names a row, unique and never null",
    "time": "staging only: when the row happened; identity replays rows in this order",
    "to": "syncs only: destination.object",
    "mode": "syncs only: how rows go out",
    "cron": "syncs only: when the sync runs",
    "keep": "syncs only: fields in which an empty value never clears what the tool has",
    "fill": "syncs only: fields that are sent only where the tool has nothing",
    "refresh": "syncs only: after how long an unchanged row goes again",
    "profile": "syncs only: the column that says whose row it is",
    "max_deletes": "syncs only: a run that would delete more stops before it sends",
    "max_updates": "syncs only: a run that would update more stops before it sends",
    "materialized": "table, if nothing is said, or view",
    "owner": "an e-mail address, or team:name",
    "tags": "words for finding it, separated by commas",
}
MATERIALIZED = ("table", "view")


@dataclass(frozen=True)
class Model:
    """A table made by a SELECT; `path` is None where the platform itself wrote the SELECT.

    `columns` are given where the SELECT takes further ones from the data, with DuckDB's columns().
    """

    schema: str
    name: str
    description: str
    select: str
    tree: exp.Query
    settings: dict[str, str]
    lines: dict[str, int]
    path: Path | None = None
    columns: tuple[str, ...] = ()

    @property
    def is_view(self) -> bool:
        """resolved.* only add a column to staging.*, and follow identity at once."""
        return self.schema == "resolved" or self.settings.get("materialized") == "view"

    @property
    def table(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def version(self) -> str:
        """Changes with what the SQL says, not with comments or line breaks."""
        return sha256(self.tree.sql(DIALECT, comments=False).encode()).hexdigest()[:16]

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables it reads, its own CTEs left out, by name."""
        return tuple(sorted({f"{table.db}.{table.name}" for table in self.tables}))

    @cached_property
    def tables(self) -> list[exp.Table]:
        """The places where it reads them."""
        ctes = {cte.alias for cte in self.tree.find_all(exp.CTE)}
        return [
            table
            for table in self.tree.find_all(exp.Table)
            if isinstance(table.this, exp.Identifier) and (table.db or table.name not in ctes)
        ]

    def mistake(self, line: int, text: str) -> Mistake:
        return Mistake(self.path or Path(self.table), line, text)


def written(schema: str, name: str, description: str, select: str, key: str | None) -> Model:
    """A model whose SELECT the platform writes itself, out of what it found on disk."""
    settings = {"key": key} if key else {}
    tree = sqlglot.parse_one(select, dialect=DIALECT)
    assert isinstance(tree, exp.Query)
    return Model(schema, name, description, select, tree, settings, {})


def find(folder: Path) -> tuple[list[Model], list[Mistake]]:
    """Every <schema>/<table>.sql below the folder, and what is wrong with the others."""
    models, mistakes = [], []
    for path in sorted(folder.glob("*/*.sql")):
        found, wrong = _read(path)
        mistakes += wrong
        if found:
            models.append(found)
    return models, mistakes


def _read(path: Path) -> tuple[Model | None, list[Mistake]]:
    text = path.read_text()
    description, settings, lines, mistakes = _header(path, text)
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect=DIALECT) if tree is not None]
    except (ParseError, TokenError) as error:
        return None, [*mistakes, _misread(path, error)]
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        return None, [*mistakes, Mistake(path, 1, "a model is one SELECT, and nothing else")]
    model = Model(
        path.parent.name, path.stem, description, text.strip().rstrip(";"), trees[0],
        settings, lines, path,
    )  # fmt: skip
    return model, mistakes


def _header(path: Path, text: str) -> tuple[str, dict[str, str], dict[str, int], list[Mistake]]:
    """The comment lines at the top: first what one row is, then `-- word: value` lines."""
    settings: dict[str, str] = {}
    lines: dict[str, int] = {}
    prose: list[str] = []
    mistakes: list[Mistake] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("--"):
            break
        content = line[2:].strip()
        setting = re.match(r"(\w+):\s+(.*)$", content)
        if not setting:
            prose.append(content)
        elif setting[1] in WORDS:
            settings[setting[1]], lines[setting[1]] = setting[2].strip(), number
        else:
            known = ", ".join(WORDS)
            mistakes.append(Mistake(path, number, f"unknown word '{setting[1]}'; known: {known}"))
    if not prose or not prose[0].startswith("One row per "):
        mistakes.append(Mistake(path, 1, 'the first line must say "-- One row per …"'))
    return " ".join(prose), settings, lines, mistakes


def _misread(path: Path, error: ParseError | TokenError) -> Mistake:
    """sqlglot's complaint in a sentence, without the token it prints or its terminal colours."""
    if not isinstance(error, ParseError) or not error.errors:
        return Mistake(path, 1, str(error).splitlines()[0])
    first = error.errors[0]
    complaint = str(first["description"]).split(" but got ")[0].rstrip(".")
    return Mistake(path, first["line"] or 1, f"{complaint}, near '{first['highlight']}'")
