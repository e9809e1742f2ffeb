"""What is wrong in the files of a project, gathered so that all of it is shown at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing to mend, and where."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class Mistakes(Exception):
    """Every mistake of every file, one a line."""

    def __init__(self, mistakes: Sequence[object]):
        self.mistakes = list(mistakes)
        noun = "mistake" if len(self.mistakes) == 1 else "mistakes"
        lines = "\n".join(f"  {mistake}" for mistake in self.mistakes)
        super().__init__(f"{len(self.mistakes)} {noun} to mend:\n{lines}")
