"""Which embedder is used: one that is named, or the best one whose weights are here and that was calibrated."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.joint import Joint, joint_digest, joint_name
from pvtt_data.embedders.torch_models import MOBILENET_SHA256, clip, dinov2, mobilenet, packaged_mobilenet
from pvtt_data.errors import PreflightError
from pvtt_data.files import sha256_file

EmbedderKind = Literal["auto", "colour-shape", "mobilenet", "mobilenet-colour", "dinov2", "clip"]
MOBILENET_NAME = "mobilenet-v2@1"
MOBILENET_VARIABLE = "PVTT_MOBILENET"
"""Environment variable that names MobileNet's weights, for where the package that has them is not installed."""


@dataclass(frozen=True, slots=True)
class ChosenEmbedder:
    """An embedder that is ready to be opened.

    Attributes:
        kind: which one.
        name: name and version, part of every number.
        weights_sha256: digest of its weights, or of its settings where it has none.
        source: file, folder or repository of the weights; empty where the embedder needs none.
        libraries: distributions that shape its vectors.
    """

    kind: str
    name: str
    weights_sha256: str
    source: str = ""
    libraries: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and digest, as samples store them."""
        return f"{self.name}@{self.weights_sha256[:12]}"


def choose_embedder(
    wanted: EmbedderKind = "auto",
    source: str = "",
    is_calibrated: Callable[[str, str], bool] = lambda name, weights_sha256: True,
) -> tuple[ChosenEmbedder, str]:
    """The embedder to use and, in words, why.

    ``auto`` takes ``source`` as DINOv2 if it is given, else MobileNet joined with `ColourShape` (``mobilenet-colour``)
    where torchvision and MobileNet's weights are here, else `ColourShape`; one that has no thresholds is passed over,
    because its numbers would say nothing. Nothing is fetched.

    Args:
        wanted: a kind, or ``auto``.
        source: weights: a file for MobileNet, a folder or repository for DINOv2 and CLIP.
        is_calibrated: name and weights digest → whether there are thresholds for this embedder.

    Raises:
        PreflightError: a named embedder cannot be had.
    """
    if wanted == "colour-shape":
        return _colour_shape(), "colour-shape, named; it needs no weights"
    if wanted == "mobilenet":
        return _mobilenet(source), "mobilenet, named"
    if wanted == "mobilenet-colour":
        return _with_colour(_mobilenet(source)), "mobilenet-colour, named"
    if wanted in ("dinov2", "clip"):
        return _pretrained(wanted, source), f"{wanted}, named"
    passed = []
    if source:
        given = _pretrained("dinov2", source)
        if is_calibrated(given.name, given.weights_sha256):
            return given, f"{given.label}, the best there is (auto)"
        passed.append(f"{given.label} has no thresholds in the calibration")
    try:
        found = _with_colour(_mobilenet(""))
        if is_calibrated(found.name, found.weights_sha256):
            return found, f"{found.label}, the best there is (auto)"
        passed.append(f"{found.label} has no thresholds in the calibration")
    except PreflightError as error:
        passed.append(f"mobilenet: {error}")
    return _colour_shape(), f"colour-shape (auto); {'; '.join(passed)}"


def open_embedder(chosen: ChosenEmbedder) -> Embedder:
    """Load a chosen embedder.

    Raises:
        PreflightError: its weights are gone, or are other ones by now.
    """
    opened: Embedder
    if chosen.kind == "mobilenet":
        opened = mobilenet(Path(chosen.source))
    elif chosen.kind == "mobilenet-colour":
        opened = Joint([mobilenet(Path(chosen.source)), ColourShape()])
    elif chosen.kind == "dinov2":
        opened = dinov2(chosen.source)
    elif chosen.kind == "clip":
        opened = clip(chosen.source)
    else:
        opened = ColourShape()
    if opened.weights_sha256 != chosen.weights_sha256:
        raise PreflightError(f"{chosen.source}: weights {opened.weights_sha256[:12]} are not those of {chosen.label}")
    return opened


def open_for_stage(chosen: ChosenEmbedder) -> Embedder:
    """The same for a worker of a build: torch keeps to one thread, so that sums have one order.

    Raises:
        PreflightError: see `open_embedder`.
    """
    if chosen.libraries:
        import torch

        torch.set_num_threads(1)
    return open_embedder(chosen)


def _colour_shape() -> ChosenEmbedder:
    embedder = ColourShape()
    return ChosenEmbedder("colour-shape", embedder.name, embedder.weights_sha256)


def _mobilenet(source: str) -> ChosenEmbedder:
    missing = [name for name in ("torch", "torchvision") if importlib.util.find_spec(name) is None]
    if missing:
        raise PreflightError(f"{' and '.join(missing)} not installed: pip install torchvision")
    named = source or os.environ.get(MOBILENET_VARIABLE, "")
    path = Path(named) if named else packaged_mobilenet()
    digest = sha256_file(path) if path.is_file() else ""
    if digest != MOBILENET_SHA256:
        raise PreflightError(f"{path}: SHA-256 is {digest or 'of no file'}, not {MOBILENET_SHA256}")
    return ChosenEmbedder("mobilenet", MOBILENET_NAME, digest, str(path), ("torch", "torchvision"))


def _with_colour(part: ChosenEmbedder) -> ChosenEmbedder:
    own = _colour_shape()
    name = joint_name([part.name, own.name])
    digest = joint_digest([part.weights_sha256, own.weights_sha256])
    return ChosenEmbedder("mobilenet-colour", name, digest, part.source, part.libraries)


@functools.lru_cache(maxsize=4)
def _pretrained(kind: str, source: str) -> ChosenEmbedder:
    if not source:
        raise PreflightError(f"{kind} needs a folder with its weights, or the name of a repository")
    opened = (dinov2 if kind == "dinov2" else clip)(source)
    return ChosenEmbedder(kind, opened.name, opened.weights_sha256, source, ("torch", "transformers"))
