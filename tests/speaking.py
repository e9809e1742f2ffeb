"""A tool on loopback that answers each request with the bytes that a function gives."""

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heard:
    """A request as it came: its first line, its headers in small letters, its body."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


# None hangs up.
Speak = Callable[[Heard], bytes | None]


@dataclass
class Speaking:
    speak: Speak
    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def fine(body: bytes = b"{}", status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def speaking(speak: Speak, tls: ssl.SSLContext | None = None) -> Iterator[Speaking]:
    tool = Speaking(speak)

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with tool.lock:
                tool.connections += 1
                number = tool.connections
            while line := self.rfile.readline().decode().strip():
                headers = {}
                while text := self.rfile.readline().decode().strip():
                    name, _, value = text.partition(": ")
                    headers[name.lower()] = value
                body = self.rfile.read(int(headers.get("content-length", 0)))
                heard = Heard(line, headers, body, number)
                with tool.lock:
                    tool.heard.append(heard)
                if (said := tool.speak(heard)) is None:
                    return
                self.wfile.write(said)
                if b"Content-Length" not in said and b"chunked" not in said:
                    return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Who is not trusted hangs up."""

    with Server(("127.0.0.1", 0), Talk) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        tool.url = f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield tool
        finally:
            server.shutdown()
            thread.join()
