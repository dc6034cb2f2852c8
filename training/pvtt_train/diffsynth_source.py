"""Which DiffSynth is used: `PVTT_DIFFSYNTH_PATH`, else the submodule if it is populated, else the installed package."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pvtt_data.errors import PreflightError
from pvtt_data.experiment_log.machine import CODE
from pvtt_data.stage import library_version

VARIABLE = "PVTT_DIFFSYNTH_PATH"
SUBMODULE = "DiffSynth-Studio"
_ENCODERS = ("models/wan_video_vae.py", "models/wan_video_text_encoder.py")
"""What latents and embeddings come from; neither imports anything else of DiffSynth."""
_GIT_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class DiffSynthSource:
    """Where DiffSynth comes from.

    Attributes:
        kind: the installed package, the submodule, or the folder that the variable names.
        folder: that holds the package ``diffsynth``.
        version: of the installed distribution, or what git says of the folder; "unknown" if neither says.
    """

    kind: Literal["package", "submodule", "variable"]
    folder: Path
    version: str

    def __str__(self) -> str:
        return f"diffsynth {self.version} ({self.kind})"


def use_diffsynth(code: Path = CODE) -> DiffSynthSource:
    """Let `import diffsynth` find the right one; to be called before it is imported for the first time.

    Args:
        code: the checkout, whose submodule counts.

    Raises:
        PreflightError: there is none, the variable names no DiffSynth, or another one was imported before.
    """
    named = os.environ.get(VARIABLE, "")
    source = _checkout("variable", _package_folder(Path(named).expanduser())) if named else None
    if source is None and (code / SUBMODULE / "diffsynth" / "__init__.py").is_file():
        source = _checkout("submodule", code / SUBMODULE)
    if source is not None:
        _precede(source.folder)
        return source
    spec = find_spec("diffsynth")
    if spec is None or spec.origin is None:
        raise PreflightError("diffsynth is not installed: pip install 'pvtt[gpu]', or set PVTT_DIFFSYNTH_PATH")
    return DiffSynthSource("package", Path(spec.origin).parents[1], library_version("diffsynth"))


def _package_folder(folder: Path) -> Path:
    """The folder that holds `diffsynth`, where the variable may name that one or the package itself."""
    for holder in (folder, folder.parent):
        if (holder / "diffsynth" / "__init__.py").is_file() and (holder == folder or folder.name == "diffsynth"):
            return holder.resolve()
    raise PreflightError(f"{VARIABLE}={folder} holds no diffsynth/__init__.py; name a checkout of DiffSynth-Studio")


def encoders_identity() -> str:
    """What tells the code of DiffSynth's VAE and text encoder, as this process imports it, from another's: the
    version of the installed distribution, of a checkout a hash of both files, or "absent".

    A hash, and not the commit: most commits change neither, and what was not committed counts, too.
    """
    folder = _imported()
    if folder is None:
        return "absent"
    if _is_installed(folder):
        return library_version("diffsynth")
    digest = hashlib.sha256()
    for name in _ENCODERS:
        path = folder / "diffsynth" / name
        digest.update(hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest())
    return f"source {digest.hexdigest()[:16]}"


def encoders_version() -> str:
    """The same for a person: with what git says of a checkout."""
    folder, identity = _imported(), encoders_identity()
    return identity if folder is None or _is_installed(folder) else f"{_git_version(folder)} ({identity})"


def _imported() -> Path | None:
    """The folder of the package that is imported, or would be."""
    loaded = sys.modules.get("diffsynth")
    spec = find_spec("diffsynth") if loaded is None else None
    origin = spec.origin if spec is not None else getattr(loaded, "__file__", None)
    return None if origin is None else Path(origin).resolve().parents[1]


def _is_installed(folder: Path) -> bool:
    """Whether the distribution's own files are in a folder; those of an editable installation are elsewhere."""
    try:
        installed = metadata.distribution("diffsynth").locate_file("diffsynth")
    except metadata.PackageNotFoundError:
        return False
    return Path(str(installed)).resolve().parent == folder


def _checkout(kind: Literal["submodule", "variable"], folder: Path) -> DiffSynthSource:
    return DiffSynthSource(kind, folder, _git_version(folder))


def _git_version(folder: Path) -> str:
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and a folder
            command, capture_output=True, text=True, check=True, timeout=_GIT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def _precede(folder: Path) -> None:
    loaded = sys.modules.get("diffsynth")
    if loaded is not None:
        at = Path(str(loaded.__file__)).resolve().parents[1]
        if at != folder.resolve():
            raise PreflightError(f"diffsynth was imported from {at} before {folder} could precede it")
    if str(folder) not in sys.path[:1]:
        sys.path.insert(0, str(folder))
