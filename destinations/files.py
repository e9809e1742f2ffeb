"""Files in a folder or a bucket: Parquet, NDJSON and CSV. https://parquet.apache.org/docs/

`to: files.<name>.<format>`: parquet, ndjson, csv, ndjson.gz or csv.gz. URL is a folder or, with
the usual AWS_… variables, s3://bucket/folder. A run makes a folder of its own:

    <name>/20261123T120000Z_<run>/part-00001.parquet     rows, up to 100,000 each
                                  deleted-00001.parquet  on mirror: rows that are no longer there
                                  manifest.json          what lies here, put anew with each part
    <name>/latest.json                                   on snapshot: the last whole manifest

A delta (upsert, mirror, append) has the rows that changed, part by part; a snapshot has all, and
counts once it is whole. "is_complete" says whether the run reached its end. What no manifest names
is of a part that was cut off: its rows come again.

NULL is null, in CSV an empty cell without quotes.
A second folder is a file of its own: a docstring with a link, and `destination = files("name")`.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from destinations.api import Api
from destinations.destination import Destination
from destinations.folder import Folder
from destinations.rows import RECORD_ID, Accepted, Rejected, Row, in_json

if TYPE_CHECKING:
    import pyarrow as pa


def files(name: str) -> Destination:
    """A folder's address, from DESTINATIONS__<NAME>__URL."""
    made = Destination(name=name, base_url=None, secrets=("url",))
    for form in WRITERS:
        thing = made.object(
            key=None,
            batch_size=100_000,
            name=f"*.{form}",
            modes=("upsert", "append", "snapshot"),
        )(put_rows)
        thing.delete(put_deleted)
        thing.finish(finish)
    return made


def put_rows(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    """Rows in files of a format, a folder for each run, with a manifest."""
    yield from _put(api, "part", api.mode, rows)


def put_deleted(api: Api, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    known = [{name: row[name] for name in row if name != RECORD_ID} for row in rows]
    yield from _put(api, "deleted", "delete", known)


def finish(api: Api) -> None:
    """Say that the run is whole; for a snapshot, that it is the last one."""
    if api.memory:
        api.memory["is_complete"] = True
        _put_manifest(api, f"{api.memory['folder']}/manifest.json")
        if api.mode == "snapshot":
            _put_manifest(api, f"{_name(api)}/latest.json")


def _put(api: Api, word: str, action: str, rows: list[Row]) -> Iterator[Rejected | Accepted]:
    memory = api.memory or _begin(api)
    form = api.object.partition(".")[2]
    number = sum(file["action"] == action for file in memory["files"]) + 1
    path = f"{memory['folder']}/{word}-{number:05}.{form}"
    content = WRITERS[form](_table(api, rows))
    _folder(api).put(path, content)
    memory["files"].append(
        {
            "path": path,
            "action": action,
            "row_count": len(rows),
            "byte_count": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    )
    _put_manifest(api, f"{memory['folder']}/manifest.json")
    yield from ()


def _begin(api: Api) -> dict[str, Any]:
    now = datetime.now(UTC)
    run = "_".join(filter(None, (f"{now:%Y%m%dT%H%M%SZ}", api.run_id)))
    api.memory |= {
        "run_id": api.run_id,
        "mode": api.mode,
        "key": api.key,
        "started_at": in_json(now),
        "is_complete": False,
        "folder": f"{_name(api)}/{run}",
        "files": [],
    }
    return api.memory


def _put_manifest(api: Api, path: str) -> None:
    """Where this fails nobody knows whether the last part counts."""
    told = {name: value for name, value in api.memory.items() if name != "types"}
    _folder(api).put(path, json.dumps(told, indent=2).encode(), is_telling=True)


def _folder(api: Api) -> Folder:
    return Folder(api.destination, api.arguments["url"])


def _name(api: Api) -> str:
    return api.object.partition(".")[0]


def _table(api: Api, rows: list[Row]) -> "pa.Table":
    """The rows with a type for each column: that of the parts before, where they know it."""
    import pyarrow as pa

    types = api.memory.setdefault("types", {})
    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if name not in types and any(value is not None for value in values):
            types[name] = _type(values)
        columns[name] = pa.array(values, types.get(name, pa.string()))
    return pa.table(columns)


def _type(values: list[Any]) -> "pa.DataType":
    """Decimals have the widest precision: the next part may need it."""
    import pyarrow as pa

    found = pa.array(values).type
    return pa.decimal128(38, found.scale) if pa.types.is_decimal(found) else found


def _parquet(table: "pa.Table") -> bytes:
    import pyarrow.parquet as pq

    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return target.getvalue()


def _ndjson(table: "pa.Table") -> bytes:
    lines = (json.dumps(in_json(row), ensure_ascii=False) for row in table.to_pylist())
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(table: "pa.Table") -> bytes:
    """Texts in quotes, numbers and NULL without; times in ISO 8601, lists as JSON."""
    import pyarrow as pa
    import pyarrow.csv

    cells = {
        name: [_cell(value) for value in table[name].to_pylist()] for name in table.schema.names
    }
    target = io.BytesIO()
    pyarrow.csv.write_csv(pa.table(cells), target)
    return target.getvalue()


def _cell(value: Any) -> Any:
    plain = value if isinstance(value, Decimal) else in_json(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else plain


def _gzipped(write: "Callable[[pa.Table], bytes]") -> "Callable[[pa.Table], bytes]":
    return lambda table: gzip.compress(write(table), mtime=0)


WRITERS: "dict[str, Callable[[pa.Table], bytes]]" = {
    "parquet": _parquet,
    "ndjson": _ndjson,
    "csv": _csv,
    "ndjson.gz": _gzipped(_ndjson),
    "csv.gz": _gzipped(_csv),
}
destination = files("files")
