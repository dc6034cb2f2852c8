"""What Grounded SAM 2 needs, whether it is here, and what identifies its results. Loads no model library."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pvtt_data.errors import PreflightError
from pvtt_data.gpu import Gpu, find_gpu
from pvtt_data.models import ModelRegistry
from pvtt_data.segmenters.grounded.settings import FindSettings, FollowSettings, GroundedSettings
from pvtt_data.stage import StageConfig

NAME = "grounded-sam2"
INSTALL = "pip install 'pvtt[gpu]'"
"""What installs the libraries."""

Device = Literal["auto", "cpu", "cuda"]

_OLDEST = {"torch": (2, 6), "torchvision": (0, 21), "transformers": (5, 23), "safetensors": (0, 5)}
_FOLDER_FILES = ("model.safetensors", "config.json")
_PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")
_FOLDER_TYPES = ("sam2_video", "sam3_tracker_video")
_MIN_MEMORY_BYTES = 8 * 10**9


@dataclass(frozen=True, slots=True)
class Readiness:
    """What of Grounded SAM 2 is here.

    Attributes:
        packages: what is wrong with libraries, one text each.
        weights: names of models that have to be pulled.
        folder: what is wrong with `tracker_folder`; empty if nothing is.
        gpu: the GPU, or why there is none.
    """

    packages: tuple[str, ...]
    weights: tuple[str, ...]
    folder: str
    gpu: Gpu


class BackendIdentity(StageConfig):
    """What of the settings a mask depends on: no paths, no batch size."""

    name: str
    version: str
    detector: str
    tracker: str
    implementation: str
    precision: str
    compile: bool
    find: FindSettings
    follow: FollowSettings


def model_roles(settings: GroundedSettings) -> dict[str, str]:
    """Role of a file → name of its model; a tracker of one's own is none of them."""
    if settings.detector == "owlv2-base":
        roles = {"tokenizer-vocabulary": "clip-vocabulary", "tokenizer-merges": "clip-merges"}
    else:
        roles = {"tokenizer": "bert-vocabulary"}
    roles["detector"] = settings.detector
    if settings.tracker_folder is None:
        in_transformers = settings.implementation == "transformers"
        roles["tracker"] = f"{settings.tracker}-transformers" if in_transformers else settings.tracker
    return dict(sorted(roles.items()))


def implementation_of(settings: GroundedSettings) -> str:
    """Whose code runs the tracker: one of a folder is in the format of transformers."""
    return "transformers" if settings.tracker_folder is not None else settings.implementation


def look_around(settings: GroundedSettings, registry: ModelRegistry) -> Readiness:
    """What is here and what is missing; fetches nothing, hashes local files that were never seen."""
    names = model_roles(settings).values()
    here = {name for name in names if name in registry.models and registry.where(name) is not None}
    return Readiness(
        packages=tuple(_package_problems(implementation_of(settings))),
        weights=tuple(name for name in names if name not in here),
        folder=_folder_problem(settings.tracker_folder),
        gpu=find_gpu(),
    )


def needs(ready: Readiness, settings: GroundedSettings, registry: ModelRegistry, with_gpu: bool) -> list[str]:
    """What has to be done before it can run, one text each, with the commands."""
    texts = []
    if ready.packages:
        texts.append(f"{', '.join(ready.packages)}: {INSTALL}")
    if ready.weights:
        command = registry.pull_command(tuple(model_roles(settings).values()))
        texts.append(f"weights of {', '.join(ready.weights)}: {command}")
    if ready.folder:
        texts.append(ready.folder)
    if with_gpu and ready.gpu.trouble:
        texts.append(f"a CUDA GPU: {ready.gpu.trouble}")
    return texts


def device_for(wanted: Device, gpu: Gpu) -> tuple[Literal["cpu", "cuda"], str]:
    """The device to run on, and in words what a person should know about it; "" if nothing.

    Raises:
        PreflightError: a GPU is asked for and there is none.
    """
    if wanted == "cuda" and gpu.trouble:
        raise PreflightError(f"segment.device = cuda cannot run here: {gpu.trouble}")
    if wanted == "cpu" or gpu.trouble:
        why = "segment.device names it" if wanted == "cpu" else gpu.trouble
        return "cpu", f"on the CPU ({why}), which is slow: minutes to hours a clip"
    if gpu.memory_bytes < _MIN_MEMORY_BYTES:
        size = f"{gpu.memory_bytes / 1e9:.0f} GB"
        return "cuda", f"on {gpu.name}, whose {size} may be too little: lower segment.grounded.batch if it is"
    return "cuda", f"on {gpu.name}"


def numeric_class(device: Literal["cpu", "cuda"], gpu: Gpu) -> str:
    """What kind of processor works; another kind may give other bits."""
    return "cpu" if device == "cpu" else f"cuda:{gpu.architecture}"


def identity(settings: GroundedSettings, version: str, device: Literal["cpu", "cuda"], gpu: Gpu) -> BackendIdentity:
    """What of the settings goes into cache keys."""
    precision: str = settings.precision
    if precision == "auto":
        precision = "bfloat16" if device == "cuda" and gpu.has_bfloat16 else "float32"
    return BackendIdentity(
        name=NAME,
        version=version,
        detector=settings.detector,
        tracker="own" if settings.tracker_folder is not None else settings.tracker,
        implementation=implementation_of(settings),
        precision=precision,
        compile=settings.compile,
        find=settings.find,
        follow=settings.follow,
    )


def libraries(settings: GroundedSettings) -> tuple[str, ...]:
    """Distributions whose version shapes the masks."""
    tracker = ("sam2",) if implementation_of(settings) == "sam2" else ()
    return ("av", "opencv-python-headless", "numpy", "torch", "torchvision", "transformers", *tracker)


def digests(settings: GroundedSettings, registry: ModelRegistry) -> dict[str, str]:
    """Name of each model → SHA-256 of its file; of a tracker of one's own, of its weights and all its configuration.

    Raises:
        PreflightError: the tracker's folder cannot be read.
    """
    found = {name: registry.model(name).sha256 for name in model_roles(settings).values()}
    if settings.tracker_folder is not None:
        for path in [settings.tracker_folder / _FOLDER_FILES[0], *settings.tracker_folder.glob("*.json")]:
            try:
                found[f"own-tracker/{path.name}"] = registry.digests.sha256(path)
            except OSError as error:
                raise PreflightError(f"segment.grounded.tracker_folder: {path}: {error.strerror}") from error
    return dict(sorted(found.items()))


def files(settings: GroundedSettings, registry: ModelRegistry) -> dict[str, str]:
    """Role → local path of the verified file.

    Raises:
        PreflightError: one has to be pulled first.
    """
    paths: dict[str, Path | None] = {role: registry.where(name) for role, name in model_roles(settings).items()}
    missing = [name for role, name in model_roles(settings).items() if paths[role] is None]
    if missing:
        raise PreflightError(f"weights of {', '.join(missing)} are not here; run: {registry.pull_command(missing)}")
    if settings.tracker_folder is not None:
        paths["tracker"] = settings.tracker_folder / _FOLDER_FILES[0]
    return {role: str(path) for role, path in sorted(paths.items())}


def _package_problems(implementation: str) -> list[str]:
    wanted: Sequence[str] = [*_OLDEST, *(["sam2"] if implementation == "sam2" else [])]
    absent = [name for name in wanted if find_spec(name) is None]
    problems = [f"{', '.join(absent)} (not installed)"] if absent else []
    for name, oldest in _OLDEST.items():
        installed = () if name in absent else _version(name)
        if installed and installed < oldest:
            text = ".".join(map(str, installed))
            problems.append(f"{name} ≥ {'.'.join(map(str, oldest))} (here is {text})")
    return problems


def _version(name: str) -> tuple[int, ...]:
    """Major and minor version of a distribution, empty if it cannot be told."""
    try:
        match = re.match(r"(\d+)\.(\d+)", metadata.version(name))
    except metadata.PackageNotFoundError:
        return ()
    return tuple(int(number) for number in match.groups()) if match else ()


def _folder_problem(folder: Path | None) -> str:
    if folder is None:
        return ""
    named = f"segment.grounded.tracker_folder = {folder}"
    missing = [file for file in _FOLDER_FILES if not (folder / file).is_file()]
    if not any((folder / file).is_file() for file in _PROCESSOR_FILES):
        missing.append(" or ".join(_PROCESSOR_FILES))
    if missing:
        return f"{named} lacks {', '.join(missing)}"
    try:
        config = json.loads((folder / "config.json").read_bytes())
        kind = config.get("model_type") if isinstance(config, dict) else None
    except (OSError, ValueError) as error:
        return f"{named}: config.json cannot be read: {error}"
    if kind not in _FOLDER_TYPES:
        return f"{named} holds a model of type {kind!r}; a video tracker is {' or '.join(_FOLDER_TYPES)}"
    return ""
