"""Files in a folder and in a bucket: what is put there, how it reads, and what a crash leaves."""

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import fsspec
import pytest

from destinations import files
from destinations.api import Api
from destinations.destination import Object
from destinations.errors import Refused, RetryLater
from destinations.files import destination
from destinations.rows import Outcome, Row

NOON = datetime(2026, 11, 23, 12, 0, 0, 250000, tzinfo=UTC)
ROWS: list[Row] = [
    {"user_id": "u1", "name": "O'Brien", "visits": 3, "spend": Decimal("12.50")},
    {"user_id": "u2", "name": "𠮷 🚀", "visits": None, "spend": None},
]


@dataclass(frozen=True)
class Place:
    """A folder that files go to, seen from outside."""

    url: str

    def open(self, name: str, mode: str = "upsert", run_id: str = "run-1") -> Api:
        return destination.open({"url": self.url}, "user_id", name=name, mode=mode, run_id=run_id)

    def read(self, path: str) -> bytes:
        with fsspec.open(f"{self.url}/{path}", "rb") as file:
            content: bytes = file.read()
        return content

    def json(self, path: str) -> Any:
        return json.loads(self.read(path))

    def names(self) -> list[str]:
        fs, root = fsspec.core.url_to_fs(self.url)
        fs.invalidate_cache()
        found = fs.find(root)
        return sorted(name.removeprefix(f"{root}/") for name in found)


@pytest.fixture(params=["here", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "here":
        return Place(str(tmp_path / "exports"))
    bucket = f"bucket-{uuid4().hex}"
    request.getfixturevalue("s3").create_bucket(Bucket=bucket)
    return Place(f"s3://{bucket}/exports")


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return Place(str(tmp_path))


def thing(api: Api) -> Object:
    made = destination.thing(api.object)
    assert made
    return made


def run(api: Api, *batches: list[Row]) -> None:
    for rows in batches:
        assert thing(api).send_batch(api, rows) == Outcome(
            {row["user_id"]: None for row in rows}, {}
        )
    files.finish(api)


def test_a_run_is_a_folder_of_parts_with_a_manifest(place: Place) -> None:
    api = place.open("people.ndjson")
    run(api, ROWS[:1], ROWS[1:])
    folder = api.memory["folder"]
    assert folder.startswith("people/20")
    assert folder.endswith("Z_run-1")
    lines = [
        b'{"user_id": "u1", "name": "O\'Brien", "visits": 3, "spend": 12.5}\n',
        '{"user_id": "u2", "name": "𠮷 🚀", "visits": null, "spend": null}\n'.encode(),
    ]
    assert place.names() == [
        f"{folder}/{one}" for one in ("manifest.json", "part-00001.ndjson", "part-00002.ndjson")
    ]
    assert [place.read(f"{folder}/part-{number:05}.ndjson") for number in (1, 2)] == lines
    assert place.json(f"{folder}/manifest.json") == {
        "run_id": "run-1",
        "mode": "upsert",
        "key": "user_id",
        "started_at": api.memory["started_at"],
        "is_complete": True,
        "folder": folder,
        "files": [
            {
                "path": f"{folder}/part-{number:05}.ndjson",
                "action": "upsert",
                "row_count": 1,
                "byte_count": len(line),
                "sha256": sha256(line).hexdigest(),
            }
            for number, line in enumerate(lines, 1)
        ],
    }


def test_a_run_that_ends_early_leaves_a_manifest_of_what_is_there(place: Place) -> None:
    api = place.open("people.csv")
    thing(api).send_batch(api, ROWS[:1])
    told = place.json(f"{api.memory['folder']}/manifest.json")
    assert (told["is_complete"], [one["row_count"] for one in told["files"]]) == (False, [1])


def test_a_snapshot_is_the_latest_once_it_is_whole(place: Place) -> None:
    first, second = (
        place.open("people.csv", "snapshot"),
        place.open("people.csv", "snapshot", "run-2"),
    )
    run(first, ROWS)
    thing(second).send_batch(second, ROWS[:1])
    assert place.json("people/latest.json")["run_id"] == "run-1"
    run(second, ROWS[1:])
    latest = place.json("people/latest.json")
    assert (latest["run_id"], [one["row_count"] for one in latest["files"]]) == ("run-2", [1, 1])


def test_deleted_rows_have_files_of_their_own(place: Place) -> None:
    api = place.open("people.ndjson")
    thing(api).send_batch(api, ROWS[:1])
    gone = {**ROWS[1], "record_id": None}
    assert thing(api).delete_batch(api, [gone]) == Outcome({"u2": None}, {})
    files.finish(api)
    told = place.json(f"{api.memory['folder']}/manifest.json")["files"]
    assert [(one["action"], one["path"].rpartition("/")[2]) for one in told] == [
        ("upsert", "part-00001.ndjson"),
        ("delete", "deleted-00001.ndjson"),
    ]
    assert json.loads(place.read(told[1]["path"])) == {
        "user_id": "u2", "name": "𠮷 🚀", "visits": None, "spend": None,
    }  # fmt: skip


def test_a_run_with_nothing_to_send_leaves_nothing(here: Place) -> None:
    files.finish(here.open("people.csv", "snapshot"))
    assert here.names() == []


VALUES = {
    "text": ["O'Brien", 'née "M", 🚀 𠮷\nJr.', "null", "", None],
    "is_customer": [True, False, None, True, False],
    "visits": [1, -2, 0, None, 2**53],
    "ratio": [0.1, 1e300, -2.5, None, 3.0],
    "spend": [
        Decimal("12.50"),
        Decimal("-0.01"),
        Decimal("1234567890123.45"),
        None,
        Decimal("0.00"),
    ],
    "born_on": [date(2026, 2, 28), date(1970, 1, 1), None, date(9999, 12, 31), date(1, 1, 1)],
    "seen_at": [NOON, NOON.astimezone(timezone(timedelta(hours=-5))), None, NOON, NOON],
    "plans": [["a", "b"], [], None, ["x;y"], ["z"]],
    "nothing": [None] * 5,
}
KEYS = [f"u{number}" for number in range(1, 6)]


def table() -> list[Row]:
    return [
        {"user_id": key, **{name: values[place] for name, values in VALUES.items()}}
        for place, key in enumerate(KEYS)
    ]


def made(here: Place, name: str) -> str:
    api = here.open(name)
    run(api, table())
    return f"{here.url}/{api.memory['files'][0]['path']}"


def columns(relation: duckdb.DuckDBPyRelation) -> dict[str, list[Any]]:
    rows = relation.order("user_id").fetchall()
    return {name: [row[at] for row in rows] for at, name in enumerate(relation.columns)}


def test_parquet_keeps_every_value_and_its_type(here: Place) -> None:
    with duckdb.connect() as db:
        db.execute("set timezone = 'UTC'")
        found = db.read_parquet(made(here, "people.parquet"))
        types = dict(zip(found.columns, map(str, found.types), strict=True))
        assert columns(found.project("* exclude (seen_at), epoch_us(seen_at) as seen_at")) == {
            **VALUES,
            "user_id": KEYS,
            "seen_at": [one and round(one.timestamp() * 1_000_000) for one in VALUES["seen_at"]],
        }
    assert types == {
        "user_id": "VARCHAR",
        "text": "VARCHAR",
        "is_customer": "BOOLEAN",
        "visits": "BIGINT",
        "ratio": "DOUBLE",
        "spend": "DECIMAL(38,2)",
        "born_on": "DATE",
        "seen_at": "TIMESTAMP WITH TIME ZONE",
        "plans": "VARCHAR[]",
        "nothing": "VARCHAR",
    }


def test_csv_tells_null_from_an_empty_text(here: Place) -> None:
    content = Path(made(here, "people.csv")).read_text(encoding="utf-8")
    at = "2026-11-23T12:00:00.250000Z"
    assert content == (
        '"user_id","text","is_customer","visits","ratio","spend","born_on","seen_at","plans","nothing"\n'
        f'"u1","O\'Brien",true,1,0.1,12.50,"2026-02-28","{at}","[""a"", ""b""]",\n'
        f'"u2","née ""M"", 🚀 𠮷\nJr.",false,-2,1e+300,-0.01,"1970-01-01","{at}","[]",\n'
        '"u3","null",,0,-2.5,1234567890123.45,,,,\n'
        f'"u4","",true,,,,"9999-12-31","{at}","[""x;y""]",\n'
        f'"u5",,false,9007199254740992,3,0.00,"0001-01-01","{at}","[""z""]",\n'
    )


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_packed_file_has_the_same_in_it(here: Place, form: str) -> None:
    packed = Path(made(here, f"packed.{form}.gz"))
    assert packed.name == f"part-00001.{form}.gz"
    assert gzip.decompress(packed.read_bytes()) == Path(made(here, f"plain.{form}")).read_bytes()


def test_the_parts_of_a_run_have_the_same_types(here: Place) -> None:
    first: list[Row] = [{"user_id": "u1", "spend": Decimal("1.50"), "visits": 1}]
    second: list[Row] = [{"user_id": "u2", "spend": Decimal("123456789.50"), "visits": None}]
    api = here.open("people.parquet")
    run(api, first, second)
    with duckdb.connect() as db:
        found = [db.read_parquet(f"{here.url}/{one['path']}").types for one in api.memory["files"]]
    assert [list(map(str, types)) for types in found] == [
        ["VARCHAR", "DECIMAL(38,2)", "BIGINT"]
    ] * 2


def test_a_bucket_that_is_not_there_stops_the_sync(s3: Any) -> None:
    assert s3.list_buckets()
    api = Place("s3://no-such-bucket/exports").open("people.csv")
    with pytest.raises(
        Refused, match=r"^files refused the request with FileNotFoundError: .*s3://no-such"
    ):
        thing(api).send_batch(api, ROWS)


@pytest.mark.usefixtures("s3")
def test_missing_credentials_stop_the_sync_and_name_the_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import s3fs

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    api = Place("s3://bucket/exports").open("people.csv")
    with pytest.raises(Refused) as refused:
        thing(api).send_batch(api, ROWS)
    s3fs.S3FileSystem.clear_instance_cache()
    assert str(refused.value) == (
        "files refused the login with NoCredentialsError: Unable to locate credentials "
        "(s3://bucket/exports). Look at DESTINATIONS__FILES__*."
    )


def test_an_address_that_nothing_knows_stops_the_sync() -> None:
    api = Place("gopher://x/y").open("people.csv")
    with pytest.raises(Refused, match="with ValueError: Protocol not known: gopher"):
        thing(api).send_batch(api, ROWS)


def test_a_full_disk_means_later(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left")

    monkeypatch.setattr("os.fsync", full)
    api = here.open("people.csv")
    with pytest.raises(RetryLater, match=r"OSError: .*No space left") as later:
        thing(api).send_batch(api, ROWS)
    assert not later.value.is_unsure
    assert not [name for name in here.names() if not name.endswith(".draft")]
