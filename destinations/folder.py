"""A folder of files, here or in a bucket: files are put there whole, and its errors have a meaning.

no such bucket, no right to it, no key, nothing that     Refused: mend the address or the login
knows such an address
anything else (the network, a store that is busy)        RetryLater
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from destinations.errors import About, Refused, RetryLater

LATER_S = 60.0
# Errors by name: the libraries that raise some of them are there only where they are used.
REFUSALS: dict[str, About] = {
    "PermissionError": "login",
    "NoCredentialsError": "login",
    "PartialCredentialsError": "login",
    "FileNotFoundError": "request",
    "FileExistsError": "request",
    "NotADirectoryError": "request",
    "ImportError": "request",
    "ValueError": "request",
}


@dataclass(frozen=True)
class Folder:
    """A place that fsspec knows, like `s3://bucket/exports` or `/srv/exports`."""

    destination: str
    url: str

    def put(self, path: str, content: bytes, *, is_telling: bool = False) -> None:
        """Put a file under the folder: it is there whole, or not at all.

        Of one that makes others count, if it fails, nobody knows whether they do.
        """
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        with self._speaking(is_telling):
            fs, root = fsspec.core.url_to_fs(self.url)
            target = f"{root.rstrip('/')}/{path}"
            if isinstance(fs, LocalFileSystem):
                _put_here(target, content)
            else:
                # One request, or a multipart upload, which is nothing until it is complete.
                fs.pipe_file(target, content)

    @contextmanager
    def _speaking(self, is_unsure: bool) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            names = [kind.__name__ for kind in type(error).__mro__]
            about = next((REFUSALS[name] for name in names if name in REFUSALS), None)
            if about is None:
                words = f"{names[0]}: {error}"
                raise RetryLater(self.destination, LATER_S, words, is_unsure) from error
            raise Refused(self.destination, names[0], f"{error} ({self.url})", about) from error


def _put_here(target: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    draft = f"{target}.draft"
    with open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, target)
