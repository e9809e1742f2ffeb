"""Access tokens the sandbox's OAuth endpoints hand out; they run out as the vendors' do."""

import time


class Tokens:
    def __init__(self, prefix: str, lifetime_s: float) -> None:
        self.lifetime_s = lifetime_s
        self._prefix = prefix
        self._count = 0
        self._ends_at: dict[str, float] = {}

    def issue(self) -> str:
        self._count += 1
        token = f"{self._prefix}{self._count:06d}"
        self._ends_at[token] = time.monotonic() + self.lifetime_s
        return token

    def valid(self, token: str | None) -> bool:
        return token is not None and self._ends_at.get(token, 0.0) > time.monotonic()

    def was_issued(self, token: str) -> bool:
        return token in self._ends_at

    def expire_all(self) -> None:
        self._ends_at = dict.fromkeys(self._ends_at, 0.0)
