"""Event dumps in a bucket: an S3 API on loopback, reached as a user reaches it, by environment."""

import gzip
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
import s3fs

from sources.events import Dump, EventsUnreachable, source

ARCHIVE = "segment-logs/mysource"
FIRST = f"{ARCHIVE}/1549152000000/20190202T000000Z_a.gz"
DAY = f"{ARCHIVE}/1549238400000"
RAW = b"".join(b'{"n":%d}\n' % n for n in range(50_000))
# An archive as Segment writes it, and what else may lie in a bucket.
OBJECTS = {
    "segment-logs/": b"",
    FIRST: gzip.compress(RAW),
    f"{DAY}/b.json.zst": pa.Codec("zstd").compress(RAW, asbytes=True),
    f"{DAY}/c.jsonl": RAW,
    f"{DAY}/_SUCCESS": b"",
    f"{DAY}/d.parquet": b"PAR1",
}


@pytest.fixture
def bucket(s3: Any) -> str:
    """A bucket of the test's own."""
    name = f"bucket-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    for key, body in OBJECTS.items():
        # Segment stores its files with this header; they must come as they are stored.
        encoding = {"ContentEncoding": "gzip"} if key == FIRST else {}
        s3.put_object(Bucket=name, Key=key, Body=body, **encoding)
    return name


def text(dump: Dump, after_line: int = 0) -> bytes:
    [piece] = dump.read(after_line)
    assert piece.error is None
    return "".join(piece.rows["raw"].to_pylist()).encode()


def test_a_folder_of_a_bucket_is_listed_and_read(s3: Any, bucket: str) -> None:
    found = source(f"s3://{bucket}/segment-logs")
    etags = {
        key: s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
        for key in (FIRST, f"{DAY}/b.json.zst", f"{DAY}/c.jsonl")
    }
    assert [(dump.path, dump.version, dump.size) for dump in found.dumps] == [
        (f"s3://{bucket}/{key}", etag, len(OBJECTS[key])) for key, etag in etags.items()
    ]
    assert found.unread == (f"s3://{bucket}/{DAY}/d.parquet",)
    assert [text(dump) for dump in found.dumps] == [RAW] * 3
    assert [text(dump, after_line=49_999) for dump in found.dumps] == [b'{"n":49999}\n'] * 3


def test_a_whole_bucket_a_glob_and_a_single_object_are_found(bucket: str) -> None:
    def keys(url: str) -> list[str]:
        found = source(f"s3://{bucket}{url}").dumps
        return [dump.path.removeprefix(f"s3://{bucket}/") for dump in found]

    assert keys("") == keys("/") == [FIRST, f"{DAY}/b.json.zst", f"{DAY}/c.jsonl"]
    assert keys("/segment-logs/*/1549238*") == [f"{DAY}/b.json.zst", f"{DAY}/c.jsonl"]
    assert keys("/segment-logs/**/*.jsonl") == [f"{DAY}/c.jsonl"]
    assert keys(f"/{FIRST}") == [FIRST]


def test_a_replaced_object_has_a_new_version_and_only_a_grown_one_its_mark(
    s3: Any, bucket: str
) -> None:
    [was] = source(f"s3://{bucket}/{DAY}/c.jsonl").dumps
    mark = was.mark(was.size)
    for body, has_grown in [(RAW + b"{}\n", True), (b"[" + RAW[1:], False), (RAW[:-9], False)]:
        s3.put_object(Bucket=bucket, Key=f"{DAY}/c.jsonl", Body=body)
        [now] = source(f"s3://{bucket}/{DAY}/c.jsonl").dumps
        assert now.version != was.version
        assert (now.mark(was.size) == mark) == has_grown


def test_an_object_that_was_replaced_since_the_folder_was_listed_is_not_read(
    s3: Any, bucket: str
) -> None:
    dumps = source(f"s3://{bucket}/{DAY}").dumps
    s3.put_object(Bucket=bucket, Key=f"{DAY}/c.jsonl", Body=b"{}\n")
    [piece] = dumps[1].read()
    assert (piece.rows.num_rows, str(piece.error)[:12]) == (0, "FileExpired:")


def test_a_mark_asks_for_the_two_ends_alone(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="big.json", Body=RAW)
    [dump] = source(f"s3://{bucket}/big.json").dumps
    opened = dump.open()
    fetch, asked = opened.cache.fetcher, []

    def counted(start: int, end: int) -> Any:
        asked.append((start, end))
        return fetch(start, end)

    opened.cache.fetcher = counted
    Dump(dump.path, dump.version, dump.size, lambda: opened).mark(dump.size)
    assert asked == [(0, 65_536), (len(RAW) - 65_536, len(RAW))]


@pytest.mark.parametrize("url", ["s3://no-such-bucket/x", "s3://{bucket}/no-such-folder"])
def test_what_is_not_there_is_named(bucket: str, url: str) -> None:
    with pytest.raises(EventsUnreachable, match="no such folder, file or bucket"):
        source(url.format(bucket=bucket))


@pytest.mark.usefixtures("s3")
def test_missing_credentials_are_told_with_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(EventsUnreachable) as told:
        source("s3://bucket/x")
    s3fs.S3FileSystem.clear_instance_cache()
    assert str(told.value) == (
        "Cannot read the event dumps at s3://bucket/x: NoCredentialsError: Unable to locate"
        " credentials."
    )
