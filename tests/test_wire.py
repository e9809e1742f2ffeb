"""What goes over a line and comes back, byte by byte."""

import gzip
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from speaking import Heard, fine, speaking

from destinations.answers import Reply
from destinations.asking import Asked
from destinations.wire import Wire

SESSION = {"Accept-Encoding": "gzip", "Connection": "keep-alive"}


def wire(verify: bool | str = True) -> Wire:
    session = requests.Session()
    session.verify = verify
    return Wire(session)


def posted(url: str, body: bytes = b'{"a": 1}', headers: dict[str, str] = SESSION) -> Asked:
    return Asked("POST", f"{url}/in?x=1", headers, body)


def test_a_request_says_where_it_goes_and_how_long_it_is() -> None:
    with speaking(lambda _: fine(b"[1]")) as tool:
        reply = wire().ask(posted(tool.url))
    host = tool.url.removeprefix("http://")
    assert reply == Reply(200, {"content-length": "3"}, b"[1]", "OK")
    assert tool.heard == [
        Heard(
            "POST /in?x=1 HTTP/1.1",
            {
                "host": host,
                "accept-encoding": "gzip",
                "connection": "keep-alive",
                "content-length": "8",
            },
            b'{"a": 1}',
            1,
        )
    ]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
PACKED = fine(gzip.compress(b"abcde", mtime=0), headers="Content-Encoding: gzip\r\n")
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + fine(b"abcde")
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nabcde"


@pytest.mark.parametrize("said", [CHUNKED, PACKED, EARLY, ENDLESS, fine(b"abcde")])
def test_a_body_is_whole_however_it_comes(said: bytes) -> None:
    with speaking(lambda _: said) as tool:
        one = wire()
        assert [one.ask(posted(tool.url)).content for _ in range(2)] == [b"abcde"] * 2


def test_a_body_of_megabytes_goes_and_comes() -> None:
    with speaking(lambda heard: fine(heard.body)) as tool:
        assert wire().ask(posted(tool.url, b"x" * 5_000_000)).content == b"x" * 5_000_000


@pytest.mark.parametrize(
    ("said", "connections"),
    [
        (fine(), [1, 1]),
        (fine(headers="Connection: close\r\n"), [1, 2]),
        (fine().replace(b"HTTP/1.1", b"HTTP/1.0"), [1, 2]),
        (CHUNKED, [1, 1]),
    ],
)
def test_a_connection_is_kept_where_the_tool_keeps_it(said: bytes, connections: list[int]) -> None:
    with speaking(lambda _: said) as tool:
        one = wire()
        for _ in range(2):
            one.ask(posted(tool.url))
    assert [heard.connection for heard in tool.heard] == connections


@pytest.mark.parametrize("said", [fine(b"ok"), None])
def test_what_has_arrived_on_a_kept_connection_is_not_sent_again_when_that_dies(
    said: bytes | None,
) -> None:
    """libcurl would, on its own; see docs/adr/8."""
    told = iter([fine(), said, fine()])
    with speaking(lambda _: next(told)) as tool:
        one = wire()
        one.ask(posted(tool.url, b"first"))
        if said:
            one.ask(posted(tool.url, b"second"))
        else:
            with pytest.raises(requests.ConnectionError) as broken:
                one.ask(posted(tool.url, b"second"))
            assert type(broken.value) is requests.ConnectionError  # it may have arrived
        one.ask(posted(tool.url, b"third"))
    assert [heard.body for heard in tool.heard] == [b"first", b"second", b"third"]


def test_a_post_without_a_body_has_a_connection_of_its_own_that_none_dies_under_it() -> None:
    with speaking(lambda _: fine()) as tool:
        one = wire()
        one.ask(posted(tool.url))
        one.ask(posted(tool.url, b""))
    assert [heard.connection for heard in tool.heard] == [1, 2]


def test_a_proxy_gets_the_request() -> None:
    with speaking(lambda _: fine()) as proxy:
        one = wire()
        one.session.proxies = {"http": proxy.url}
        one.ask(posted("http://tool.test"))
    assert [heard.line for heard in proxy.heard] == ["POST http://tool.test/in?x=1 HTTP/1.1"]


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
NO_GZIP = fine(b"abcde", headers="Content-Encoding: gzip\r\n")


@pytest.mark.parametrize("said", [None, HALF[:20], b"SSH-2.0-OpenSSH\r\n\r\n", NO_GZIP])
def test_what_is_no_answer_is_a_broken_connection(said: bytes | None) -> None:
    with speaking(lambda _: said) as tool, pytest.raises(requests.ConnectionError) as broken:
        wire().ask(posted(tool.url))
    assert type(broken.value) is requests.ConnectionError


def test_nobody_there_is_told_apart_from_no_answer() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(requests.exceptions.ConnectTimeout):
        wire().ask(posted(url))


@pytest.mark.parametrize("value", ["a\r\nX-More: 1", "a\nX-More: 1", "a\rb"])
def test_no_value_begins_a_line_of_its_own(value: str) -> None:
    with speaking(lambda _: fine()) as tool:
        with pytest.raises(requests.exceptions.InvalidHeader):
            wire().ask(posted(tool.url, headers={"Authorization": value}))
        assert tool.heard == []


def test_a_certificate_is_checked_against_those_that_are_trusted(tmp_path: Path) -> None:
    trusted = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted)
    with speaking(lambda heard: fine(heard.body * 10_000), context) as tool:
        assert wire(str(trusted)).ask(posted(tool.url, b"12345678")).content == b"12345678" * 10_000
        assert wire(verify=False).ask(posted(tool.url)).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            wire().ask(posted(tool.url))
        with pytest.raises(requests.exceptions.SSLError):
            wire(str(trusted)).ask(posted(tool.url.replace("localhost", "127.0.0.1")))
    assert len(tool.heard) == 2


def certificate(folder: Path) -> Path:
    """Of localhost, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "localhost.pem"
    path.write_bytes(secret + made.public_bytes(pem))
    return path
