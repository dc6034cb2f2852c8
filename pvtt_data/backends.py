"""Which models a build uses: chosen once, before the work, and the same in every worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pvtt_data import grounded_backend
from pvtt_data.errors import PreflightError
from pvtt_data.grounded_backend import Device, Readiness
from pvtt_data.machine import memory_bytes
from pvtt_data.mirrors import Progress
from pvtt_data.models import ModelRegistry
from pvtt_data.segmenters.base import Segmenter
from pvtt_data.segmenters.grounded.settings import VERSION as GROUNDED_VERSION
from pvtt_data.segmenters.grounded.settings import GroundedSettings
from pvtt_data.segmenters.u2net import U2NetSegmenter
from pvtt_data.stage import Resources, StageConfig
from pvtt_data.text_detection import PpOcrDetector, TextDetector

BACKENDS = (grounded_backend.NAME, "u2net")
"""Backends, the best one first; `auto` takes the first that can run as it should."""

Choice = Literal["named", "auto", "auto, without grounded-sam2"]
"""How a backend came to be used, as records state it."""

UNTOLD = (
    "u2net finds what stands out and cannot be told what to look for: a prompt needs the backend grounded-sam2 "
    f"({grounded_backend.INSTALL}; pvtt-data models pull grounded-sam2)"
)
"""What to say to who gives U²-Net a prompt."""

_CPU_WORKER_BYTES = 6 * 10**9
"""About what a process holds that runs Grounded SAM 2 on a CPU: weights in float32 and the features of a window."""
_U2NET_LIBRARIES = ("av", "opencv-python-headless", "numpy", "onnxruntime")


class BackendSettings(StageConfig):
    """What of a backend without settings a result depends on."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class ChosenBackend:
    """A backend by name, with the weights it will use; workers open it.

    Attributes:
        weights: name of a model → SHA-256.
        files: role → local path; no part of any cache key.
        settings: of Grounded SAM 2.
        identity: what of the settings results depend on; None where name and version say it all.
        device: where it runs.
        numeric_class: what kind of processor works.
        libraries: distributions whose version shapes the masks.
        choice: how it came to be used.
    """

    name: str
    version: str
    weights: Mapping[str, str]
    files: Mapping[str, str]
    settings: GroundedSettings | None = None
    identity: grounded_backend.BackendIdentity | None = None
    device: str = "cpu"
    numeric_class: str = "cpu"
    libraries: tuple[str, ...] = _U2NET_LIBRARIES
    choice: Choice = "named"

    @property
    def label(self) -> str:
        """Name and digests, as samples store them."""
        return " ".join([self.name, *(f"{role}@{digest[:12]}" for role, digest in sorted(self.weights.items()))])

    @property
    def takes_target(self) -> bool:
        """Whether it is told what to look for."""
        return self.settings is not None

    @property
    def key_settings(self) -> BackendSettings | grounded_backend.BackendIdentity:
        """What of the backend goes into cache keys."""
        return self.identity or BackendSettings(name=self.name, version=self.version)

    def resources(self, otherwise: Resources) -> Resources:
        """What a worker may use that runs it; ``otherwise`` for a backend that is light."""
        if self.settings is None:
            return otherwise
        # CUDA and mapped weights reserve far more address space than they use. Processes of its own give GPU memory
        # back when the stage ends; one at a time fills a GPU.
        if self.device == "cpu":
            processes = max(1, memory_bytes() // _CPU_WORKER_BYTES)
            return Resources(memory_bytes=None, timeout_s=8 * 3600.0, isolated=True, processes=processes)
        # Each clip is followed both ways at a time: half as many clips fill the tracker's batch.
        clips = max(1, self.settings.batch // 2)
        return Resources(memory_bytes=None, timeout_s=1800.0, isolated=True, processes=1, batch=clips)


def choose_backend(
    wanted: str,
    registry: ModelRegistry,
    progress: Progress = lambda done, total: None,
    settings: GroundedSettings | None = None,
    device: Device = "auto",
    told: bool = False,
    fetch: bool = True,
) -> tuple[ChosenBackend, str]:
    """The backend to use and, in words, why.

    `auto` takes Grounded SAM 2 only where its libraries, its weights and a GPU are here already, else U²-Net, and says
    what was missing. Gigabytes are never fetched unasked.

    Args:
        wanted: a backend's name or "auto".
        settings: of Grounded SAM 2.
        device: where Grounded SAM 2 is to run.
        told: whether it must look for what a prompt names, which U²-Net cannot.
        fetch: fetch U²-Net's weights if need be; a plan opens nothing and needs none.

    Raises:
        PreflightError: there is no such backend, or it cannot run; the text names what is missing and the commands
            that mend it.
    """
    if wanted not in ("auto", *BACKENDS):
        raise PreflightError(f"no segmentation backend is called {wanted!r}; there are: auto, {', '.join(BACKENDS)}")
    if wanted == "u2net":
        if told:
            raise PreflightError(UNTOLD)
        return _u2net(registry, progress, "named", fetch), _why(registry, "named")
    settings = settings or GroundedSettings()
    ready = grounded_backend.look_around(settings, registry)
    freely = wanted == "auto" and not told
    missing = grounded_backend.needs(ready, settings, registry, with_gpu=freely)
    if freely and device == "cpu":
        missing.append("a device other than cpu, which segment.device names")
    if not missing:
        choice: Choice = "auto" if wanted == "auto" else "named"
        return _grounded(settings, device, ready, registry, choice)
    if freely:
        why = f"auto; {grounded_backend.NAME} would need {'; '.join(missing)}"
        return _u2net(registry, progress, "auto, without grounded-sam2", fetch), _why(registry, why)
    asked = "grounded-sam2" if wanted != "auto" else "a prompt needs grounded-sam2, which"
    raise PreflightError(f"{asked} cannot run here; it needs\n" + "\n".join(f"    {text}" for text in missing))


def _u2net(registry: ModelRegistry, progress: Progress, choice: Choice, fetch: bool) -> ChosenBackend:
    return ChosenBackend(
        name="u2net",
        version=U2NetSegmenter.version,
        weights={"u2net": registry.model("u2net").sha256},
        files={"u2net": str(registry.pull("u2net", progress))} if fetch else {},
        choice=choice,
    )


def _why(registry: ModelRegistry, why: str) -> str:
    return f"segmentation by u2net u2net@{registry.model('u2net').sha256[:12]}: {why}"


def _grounded(
    settings: GroundedSettings, wanted: Device, ready: Readiness, registry: ModelRegistry, choice: Choice
) -> tuple[ChosenBackend, str]:
    device, where = grounded_backend.device_for(wanted, ready.gpu)
    identity = grounded_backend.identity(settings, GROUNDED_VERSION, device, ready.gpu)
    backend = ChosenBackend(
        name=grounded_backend.NAME,
        version=GROUNDED_VERSION,
        weights=grounded_backend.digests(settings, registry),
        files=grounded_backend.files(settings, registry),
        # What is opened is what the key says, whatever a worker would make of "auto".
        settings=settings.model_copy(update={"precision": identity.precision}),
        identity=identity,
        device=device,
        numeric_class=grounded_backend.numeric_class(device, ready.gpu),
        libraries=grounded_backend.libraries(settings),
        choice=choice,
    )
    why = "the best backend there is (auto)" if choice == "auto" else "named"
    return backend, f"segmentation by {backend.label}, {why}, {where}"


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
    if backend.name == "u2net":
        return U2NetSegmenter(Path(backend.files["u2net"]))
    if backend.name == grounded_backend.NAME and backend.settings is not None:
        from pvtt_data.segmenters.grounded.segmenter import open_grounded

        files = {role: Path(path) for role, path in backend.files.items()}
        return open_grounded(backend.settings, files, backend.device)
    raise ValueError(f"no segmentation backend is called {backend.name!r}")
