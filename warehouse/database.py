"""The one door to the warehouse: a DuckDB file, opened for short moments, one process at a time.

DuckDB lets one process write and locks the file for it; the kernel frees that lock even after a
`kill -9`. So `connect` waits for the lock, says for whom, and gives up with a sentence. Everything
that needs SQL takes a `Database` as an argument; nothing else opens a connection or knows the file.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import duckdb

from warehouse.lock import wait_for_lock

if TYPE_CHECKING:
    import pyarrow as pa  # a third of the time that `cdp sql` takes, and it never needs it
    from numpy.typing import NDArray

PAUSE_S = 0.02
# Between two steps of a run the warehouse is free for an instant: a reader must not sleep it away.
PAUSE_TO_READ_S = 0.002


class WarehouseMissing(Exception):
    """Somebody wants to read a warehouse that no run has made yet."""

    def __init__(self, path: Path):
        super().__init__(
            f"There is no warehouse at {path} yet. Set WAREHOUSE__PATH, or load something first: "
            "`make demo`, or `dagster asset materialize`."
        )


class Database:
    """An open warehouse. Tables are named `schema.table`; rows enter and leave as Arrow."""

    def __init__(self, connection: duckdb.DuckDBPyConnection):
        self.connection = connection

    def run(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Execute one statement; its rows, if it has any (for answers that are small)."""
        return self.connection.execute(sql, parameters).fetchall()

    def value(self, sql: str, parameters: Any = None) -> Any:
        """The first column of the first row, or None where there is no row."""
        rows = self.run(sql, parameters)
        return rows[0][0] if rows else None

    def read(self, select: str) -> "pa.Table":
        """The result of a SELECT as Arrow."""
        relation = self.connection.sql(select)
        assert relation is not None
        return relation.to_arrow_table()

    def arrays(self, select: str) -> "dict[str, NDArray[Any]]":
        """The columns of a SELECT that gives numbers and no nulls."""
        return cast("dict[str, NDArray[Any]]", self.connection.execute(select).fetchnumpy())

    def keep(self, name: str, columns: "Mapping[str, NDArray[Any]]") -> None:
        """Make or replace a temp table out of arrays."""
        self.connection.register("kept_arrays", dict(columns))
        self.temp(name, "from kept_arrays")
        self.connection.unregister("kept_arrays")

    def save(self, select: str, path: Path) -> None:
        """Write the result of a SELECT to a Parquet file, to go on with it elsewhere."""
        self.run(f"copy ({select}) to '{_in_quotes(path)}' (format parquet)")

    def materialize(self, table: str, select: str) -> int:
        """Make or replace a table from a SELECT; the number of rows it has now."""
        self._make_schema(table)
        self._clear_way(table, "view")
        self.run(f"create or replace table {table} as {select}")
        return self.count(table)

    def temp(self, name: str, select: str) -> None:
        """Make or replace a table that lasts as long as the connection."""
        self.run(f"create or replace temp table {name} as {select}")

    def make_view(self, view: str, select: str) -> None:
        """Make or replace a view, or a table of its name."""
        self._make_schema(view)
        self._clear_way(view, "table")
        self.run(f"create or replace view {view} as {select}")

    def write(self, table: str, rows: "pa.Table", mode: Literal["replace", "append"]) -> int:
        """Write Arrow rows to a table, made if need be; columns go by name."""
        self._make_schema(table)
        with self.lent("written_rows", rows):
            if mode == "replace" or not self.columns(table):
                self.run(f"create or replace table {table} as from written_rows")
            else:
                self.run(f"insert into {table} by name from written_rows")
        return int(rows.num_rows)

    @contextmanager
    def lent(self, name: str, rows: "pa.Table") -> Iterator[None]:
        """Arrow rows that can be read under a name for as long as the block lasts."""
        self.connection.register(name, rows)
        try:
            yield
        finally:
            self.connection.unregister(name)

    def columns(self, table: str) -> dict[str, str]:
        """Column names and their types, in order; empty when there is no such table."""
        is_there = self._is(table, "table") or self._is(table, "view")
        return self.columns_there(table) if is_there else {}

    def columns_there(self, table: str) -> dict[str, str]:
        """The same of a table that is surely there: to look for it takes four times as long."""
        # Much faster than duckdb_columns(), which goes through the columns of every table.
        return dict(self.run("select name, type from pragma_table_info(?)", [table]))

    def count(self, table: str) -> int:
        return int(self.value(f"select count(*) from {table}"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing of it."""
        self.run("begin")
        try:
            yield
        except BaseException:
            self.run("rollback")
            raise
        self.run("commit")

    def _clear_way(self, name: str, kind: Literal["table", "view"]) -> None:
        """DuckDB replaces a table by a table and a view by a view, and refuses the other way."""
        if self._is(name, kind):
            self.run(f"drop {kind} {name}")

    def _is(self, name: str, kind: Literal["table", "view"]) -> bool:
        return bool(
            self.value(
                f"select count(*) from duckdb_{kind}s() where schema_name || '.' || {kind}_name = ?"
                " and database_name = current_database()",
                [name],
            )
        )

    def _make_schema(self, table: str) -> None:
        self.run(f"create schema if not exists {table.partition('.')[0]}")


@contextmanager
def connect(path: Path, *, wait_s: float = 600, read_only: bool = False) -> Iterator[Database]:
    """Open the warehouse, waiting up to `wait_s` seconds while another process has it.

    Raises WarehouseBusy when the wait was in vain, WarehouseMissing when there is nothing to read.
    """
    if read_only and not path.exists():
        raise WarehouseMissing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pause_s = PAUSE_TO_READ_S if read_only else PAUSE_S
    open_file = partial(duckdb.connect, str(path), read_only=read_only)
    connection = wait_for_lock(open_file, path, wait_s, pause_s)
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield Database(connection)
    finally:
        connection.close()


@contextmanager
def beside(path: Path, *, wait_s: float = 600) -> Iterator[Database]:
    """The warehouse to read, while others read it too, and room to work: `memory.main`.

    Long work goes here. What it made is taken over within `writing`, in a moment.
    """
    if not path.exists():
        with connect(path):
            pass  # the first to come finds an empty warehouse
    with workbench(path) as db:
        _attach(db.connection, path, "(read_only)", wait_s)
        yield db


@contextmanager
def workbench(path: Path) -> Iterator[Database]:
    """Room to work in memory while the warehouse is closed; `writing` opens it for a moment."""
    connection = duckdb.connect()
    _clear_left_behind(path)
    try:
        connection.execute("set TimeZone = 'UTC'")
        # Two threads of one core share what is in it: the second one adds a tenth of speed and a
        # fifth of CPU.
        connection.execute(f"set threads = {max(1, (os.cpu_count() or 1) // 2)}")
        # A checkpoint would write row groups once more to make two small ones into one.
        connection.execute("set max_vacuum_tasks = 0")
        # Memory that goes back to the kernel after a statement costs a page fault every 4 kB when
        # the next one takes it.
        connection.execute("set allocator_flush_threshold = '1TB'")
        # Where it puts what memory cannot hold; made only when needed.
        connection.execute(f"set temp_directory = '{_in_quotes(path)}.{os.getpid()}.tmp'")
        yield Database(connection)
    finally:
        connection.close()


def _clear_left_behind(path: Path) -> None:
    """What processes that were killed had laid aside beside the warehouse."""
    for folder in path.parent.glob(f"{path.name}.*.tmp"):
        process = folder.name.split(".")[-2]
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            shutil.rmtree(folder)
        except (ValueError, PermissionError):
            continue  # not ours, or somebody's who is alive


@contextmanager
def writing(db: Database, path: Path, *, wait_s: float = 600) -> Iterator[None]:
    """Within `beside` or `workbench`: the warehouse to write, as `connect` has it."""
    db.run("use memory")
    db.run("detach database if exists warehouse")
    _attach(db.connection, path, "", wait_s)
    try:
        yield
    finally:
        db.run("use memory")
        db.run("detach warehouse")


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, mode: str, wait_s: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    attach = f"attach '{_in_quotes(path)}' as warehouse {mode}"
    pause_s = PAUSE_TO_READ_S if mode else PAUSE_S
    wait_for_lock(partial(connection.execute, attach), path, wait_s, pause_s)
    connection.execute("use warehouse")


@contextmanager
def scratch(folder: Path) -> Iterator[Database]:
    """A database to work in beside the warehouse, which nobody waits for and nobody keeps.

    It has the Parquet files of the folder as views `schema.table`, by their names.
    """
    connection = duckdb.connect()
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set temp_directory = '{_in_quotes(folder)}'")
        for path in folder.glob("*.*.parquet"):
            schema, table, _ = path.name.split(".")
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create view {schema}.{table} as from '{_in_quotes(path)}'")
        yield Database(connection)
    finally:
        connection.close()


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Work that takes the warehouse more than once and must not meet itself in another process."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _in_quotes(path: Path) -> str:
    return str(path).replace("'", "''")
