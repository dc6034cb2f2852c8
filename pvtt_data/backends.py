"""Which models a build uses: chosen once, before the work, and the same in every worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.errors import PreflightError
from pvtt_data.mirrors import Progress
from pvtt_data.models import ModelRegistry
from pvtt_data.segmenters.base import Segmenter
from pvtt_data.segmenters.u2net import U2NetSegmenter
from pvtt_data.text_detection import PpOcrDetector, TextDetector

BACKENDS = ("u2net",)
"""Backends, the best one first; `auto` takes the first that can run."""


@dataclass(frozen=True, slots=True)
class ChosenBackend:
    """A backend by name, with the weights it will use; workers open it."""

    name: str
    version: str
    weights: Mapping[str, str]
    """role → SHA-256"""
    files: Mapping[str, str]
    """role → local path; no part of any cache key"""

    @property
    def label(self) -> str:
        """Name and digests, as samples store them."""
        return " ".join([self.name, *(f"{role}@{digest[:12]}" for role, digest in sorted(self.weights.items()))])


def choose_backend(
    wanted: str, registry: ModelRegistry, progress: Progress = lambda done, total: None
) -> tuple[ChosenBackend, str]:
    """The backend to use and, in words, why.

    Raises:
        PreflightError: there is no such backend, or its weights cannot be had.
    """
    if wanted not in ("auto", *BACKENDS):
        raise PreflightError(f"no segmentation backend is called {wanted!r}; there are: auto, {', '.join(BACKENDS)}")
    path = registry.pull("u2net", progress)
    backend = ChosenBackend(
        name="u2net",
        version=U2NetSegmenter.version,
        weights={"u2net": registry.model("u2net").sha256},
        files={"u2net": str(path)},
    )
    why = "the best backend that can run here (auto)" if wanted == "auto" else "the recipe names it"
    return backend, f"segmentation by {backend.label}: {why}"


def choose_text_detector(
    registry: ModelRegistry, progress: Progress = lambda done, total: None
) -> tuple[ChosenBackend, str]:
    """The text detector and, in words, what it is for.

    Raises:
        PreflightError: its weights cannot be had.
    """
    detector = text_detector_of(registry, str(registry.pull("ppocrv4-det", progress)))
    return detector, f"overlay text by {detector.label}: mask_qc.max_text_overlay_share is set"


def text_detector_of(registry: ModelRegistry, path: str = "") -> ChosenBackend:
    """The text detector by digest, with the weights at ``path``; a plan opens nothing and needs no path."""
    name = "ppocrv4-det"
    return ChosenBackend(
        name=name,
        version=PpOcrDetector.version,
        weights={name: registry.model(name).sha256},
        files={name: path},
    )


def open_text_detector(detector: ChosenBackend) -> TextDetector:
    """Load a chosen text detector."""
    return PpOcrDetector(Path(detector.files[detector.name]))


def open_backend(backend: ChosenBackend) -> Segmenter:
    """Load a chosen backend."""
    if backend.name != "u2net":
        raise ValueError(f"no segmentation backend is called {backend.name!r}")
    return U2NetSegmenter(Path(backend.files["u2net"]))
