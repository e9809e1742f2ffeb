"""A PostgreSQL server of the tests' own, and a way to cut the wire to it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from contracting import free_port


def programs() -> Path | None:
    """Where Debian, or the path, has the server's programs: the newest, if there are several."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[-3])
    )
    found = shutil.which("initdb")
    return debian[-1].parent if debian else Path(found).parent if found else None


@contextmanager
def serving(bin_folder: Path) -> Iterator[str]:
    """A server on a port of its own; its address. It does not run as root: then as nobody."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    user = "nobody" if os.getuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    port, data = free_port(), folder / "data"
    made = ["initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
    subprocess.run(
        [bin_folder / made[0], *made[1:]], user=user, cwd=folder, check=True, capture_output=True
    )
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "fsync": "off",
        "timezone": "America/New_York",
    }
    told = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [bin_folder / "postgres", "-D", data, *told],
            user=user,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"postgresql://tester@127.0.0.1:{port}/postgres"
            _wait(url, server)
            yield url
        finally:
            # Terminated, it would wait for whoever is still connected.
            server.send_signal(signal.SIGINT)
            server.wait(timeout=20)
            shutil.rmtree(folder)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        with suppress(psycopg.OperationalError), psycopg.connect(url):
            return
        time.sleep(0.02)
    raise AssertionError(f"postgres ended with code {server.returncode}")


class Wire:
    """Passes bytes on between a client and the server; told to, it cuts after the next commit."""

    def __init__(self, port: int) -> None:
        self.port, self.cuts = port, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://tester@127.0.0.1:{self._listener.getsockname()[1]}/postgres"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.port))
                for sides in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(*sides, client), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while sent := source.recv(65536):
                is_cut = self.cuts > 0 and source is client and b"COMMIT" in sent
                if is_cut:
                    self.cuts -= 1
                    # Shut before the server hears of it: its answer, that it is done, cannot arrive.
                    client.shutdown(socket.SHUT_RDWR)
                target.sendall(sent)
                if is_cut:
                    break
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        self._listener.close()
