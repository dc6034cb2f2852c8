"""Which embedder is used: one that is named, or the best one whose weights are here and that was calibrated."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pvtt_data.embedders.base import Embedder
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.hue_histogram import HueHistogram
from pvtt_data.embedders.joint import Joint, joint_digest, joint_name
from pvtt_data.embedders.torch_models import MOBILENET_SHA256, clip, dinov2, mobilenet, packaged_mobilenet
from pvtt_data.errors import PreflightError
from pvtt_data.files import sha256_file

EmbedderKind = Literal[
    "auto", "colour-shape", "colour-histogram", "mobilenet", "mobilenet-colour", "mobilenet-histogram", "dinov2", "clip"
]
"""``mobilenet-colour`` is MobileNet and `ColourShape`, ``colour-histogram`` `ColourShape` and `HueHistogram`,
``mobilenet-histogram`` all three."""
LocalKind = Literal["colour-shape", "colour-histogram", "mobilenet-colour", "mobilenet-histogram"]
BEST_FIRST: tuple[LocalKind, ...] = ("mobilenet-colour", "colour-shape")
"""What ``auto`` tries; the last needs no weights."""
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
    best_first: Sequence[LocalKind] = BEST_FIRST,
) -> tuple[ChosenEmbedder, str]:
    """The embedder to use and, in words, why.

    ``auto`` takes ``source`` as DINOv2 if it is given, else the first of ``best_first`` whose weights are here (those
    with MobileNet need torchvision, too). One that has no thresholds is passed over, because its numbers would say
    nothing; the last is not. Nothing is fetched.

    Args:
        wanted: a kind, or ``auto``.
        source: weights: a file for MobileNet, a folder or repository for DINOv2 and CLIP.
        is_calibrated: name and weights digest → whether there are thresholds for this embedder.
        best_first: what ``auto`` tries, the last without weights.

    Raises:
        PreflightError: a named embedder cannot be had.
    """
    if wanted in ("colour-shape", "colour-histogram"):
        return _joined(wanted, None), f"{wanted}, named; it needs no weights"
    if wanted == "mobilenet":
        return _mobilenet(source), "mobilenet, named"
    if wanted in ("mobilenet-colour", "mobilenet-histogram"):
        return _joined(wanted, _mobilenet(source)), f"{wanted}, named"
    if wanted in ("dinov2", "clip"):
        return _pretrained(wanted, source), f"{wanted}, named"
    passed = []
    if source:
        given = _pretrained("dinov2", source)
        if is_calibrated(given.name, given.weights_sha256):
            return given, f"{given.label}, the best there is (auto)"
        passed.append(f"{given.label} has no thresholds in the calibration")
    *others, last = best_first
    for kind in others:
        try:
            found = _joined(kind, _mobilenet("") if kind.startswith("mobilenet") else None)
            if is_calibrated(found.name, found.weights_sha256):
                return found, f"{found.label}, the best there is (auto)"
            passed.append(f"{found.label} has no thresholds in the calibration")
        except PreflightError as error:
            passed.append(f"mobilenet: {error}")
    return _joined(last, None), f"{last} (auto); {'; '.join(passed)}"


def open_embedder(chosen: ChosenEmbedder) -> Embedder:
    """Load a chosen embedder.

    Raises:
        PreflightError: its weights are gone, or are other ones by now.
    """
    opened: Embedder
    if chosen.kind == "mobilenet":
        opened = mobilenet(Path(chosen.source))
    elif chosen.kind == "dinov2":
        opened = dinov2(chosen.source)
    elif chosen.kind == "clip":
        opened = clip(chosen.source)
    else:
        parts: list[Embedder] = [mobilenet(Path(chosen.source))] if chosen.kind.startswith("mobilenet") else []
        parts += _without_weights(chosen.kind)
        opened = Joint(parts) if len(parts) > 1 else parts[0]
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


def _without_weights(kind: str) -> list[Embedder]:
    """The parts of a kind that need no weights."""
    return [ColourShape(), HueHistogram()] if kind.endswith("histogram") else [ColourShape()]


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


def _joined(kind: str, net: ChosenEmbedder | None) -> ChosenEmbedder:
    own = _without_weights(kind)
    names = [*([net.name] if net else []), *(part.name for part in own)]
    digests = [*([net.weights_sha256] if net else []), *(part.weights_sha256 for part in own)]
    source, libraries = (net.source, net.libraries) if net else ("", ())
    if len(names) == 1:
        return ChosenEmbedder(kind, names[0], digests[0])
    return ChosenEmbedder(kind, joint_name(names), joint_digest(digests), source, libraries)


@functools.lru_cache(maxsize=4)
def _pretrained(kind: str, source: str) -> ChosenEmbedder:
    if not source:
        raise PreflightError(f"{kind} needs a folder with its weights, or the name of a repository")
    opened = (dinov2 if kind == "dinov2" else clip)(source)
    return ChosenEmbedder(kind, opened.name, opened.weights_sha256, source, ("torch", "transformers"))
