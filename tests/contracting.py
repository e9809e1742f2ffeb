"""The vendors' official contracts, held against what passes between us and the sandbox."""

import json
import socket
import subprocess
import time
from typing import Any

import requests

Json = dict[str, Any]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def answers(url: str, process: subprocess.Popen[bytes]) -> requests.Response:
    """The first answer of a server that is starting."""
    while process.poll() is None:
        try:
            return requests.get(url, timeout=10)
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"{url}: the server ended with code {process.returncode}")


class Contract:
    """A vendor's contract in front of the sandbox: it checks what goes in and what comes out."""

    def __init__(self, url: str) -> None:
        self.url = url

    def calls(self) -> set[tuple[str, int]]:
        """The (route, status) pairs seen; fails when one broke the contract."""
        seen: list[Json] = requests.get(f"{self.url}/__contract", timeout=10).json()
        broken = [call for call in seen if call["violations"] or call.get("response_violations")]
        assert not broken, json.dumps(broken[:3], indent=2)
        return {(call["route"], call["status"]) for call in seen}
