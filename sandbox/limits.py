"""A vendor's rate limit as a token bucket."""

import math
import time
from dataclasses import dataclass, field


@dataclass
class Bucket:
    """`size` requests at once, refilled evenly over `window_s` seconds."""

    size: int
    window_s: float
    _left: float = field(init=False)
    _at: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._left = float(self.size)

    def take(self) -> float:
        """Zero when the request may pass, else the seconds until one may."""
        now, rate = time.monotonic(), self.size / self.window_s
        self._left = min(float(self.size), self._left + (now - self._at) * rate)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / rate
        self._left -= 1
        return 0.0

    def told(self) -> dict[str, str]:
        """The limit as the headers of an answer tell it (draft-ietf-httpapi-ratelimit-headers)."""
        until_full_s = (self.size - self._left) * self.window_s / self.size
        return {
            "RateLimit-Limit": f"{self.size}, {self.size};window={self.window_s:.0f}",
            "RateLimit-Remaining": str(int(self._left)),
            "RateLimit-Reset": str(math.ceil(until_full_s)),
        }
