"""What is shown inside the mask."""

from __future__ import annotations

import numpy as np
import pytest

from pvtt_data.errors import InputError

torch = pytest.importorskip("torch", reason="torch is not installed")

from pvtt_data.vace.reactive import (  # noqa: E402
    CONTENTS,
    CONTENTS_BY_ENGINE,
    UNSHOWN_ENGINES,
    Content,
    reactive_content,
)


def noise_video(seed: int = 0, shape: tuple[int, ...] = (3, 5, 48, 64)) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def depth_of(video: torch.Tensor) -> torch.Tensor:
    return (video[..., :1, :, :, :] + 1) / 2


@pytest.mark.parametrize("content", CONTENTS)
def test_contents_are_in_range_pure_and_the_same_in_batches(content: Content) -> None:
    one, other = noise_video(1), noise_video(2)
    before = one.clone()
    shown = reactive_content(content, one, depth=depth_of(one), seed=7)
    assert shown.dtype == torch.float32
    assert shown.shape == one.shape
    assert shown.abs().max() <= 1
    assert torch.equal(one, before)
    batch = torch.stack([one, other])
    together = reactive_content(content, batch, depth=depth_of(batch), seed=7)
    assert together.shape == batch.shape
    if content != "noise":
        assert torch.allclose(together[0], shown, atol=1e-6)


def test_grey_is_exactly_the_middle_and_black_the_bottom() -> None:
    assert (reactive_content("grey", noise_video()) == 0).all()
    assert (reactive_content("black", noise_video()) == -1).all()


def test_noise_depends_on_its_seed_alone() -> None:
    shown = reactive_content("noise", noise_video(1), seed=3)
    assert torch.equal(shown, reactive_content("noise", noise_video(2), seed=3))
    assert not torch.equal(shown, reactive_content("noise", noise_video(1), seed=4))
    assert abs(float(shown.mean())) < 0.02
    assert abs(float(shown.std()) - 3**-0.5) < 0.02


def test_blur_removes_lettering_and_keeps_colour() -> None:
    video = torch.zeros(3, 1, 480, 480)
    video[:, :, :, ::8] = 1.0  # strokes as of letters
    video[0] += 0.5
    video = video.clamp(-1, 1)
    blurred = reactive_content("blurred", video)[:, 0, 100:380, 100:380]
    assert blurred.std(dim=(1, 2)).max() < 0.02
    assert torch.allclose(blurred.mean(dim=(1, 2)), video[:, 0].mean(dim=(1, 2)), atol=0.02)


def test_blur_follows_the_size_of_the_frame() -> None:
    def width_of_edge(side: int) -> float:
        video = torch.full((3, 1, side, side), -1.0)
        video[..., side // 2 :] = 1.0
        row = reactive_content("blurred", video)[0, 0, side // 2]
        return float((row.abs() < 0.5).float().mean())

    assert width_of_edge(120) == pytest.approx(width_of_edge(480), abs=0.01)


def test_blur_keeps_a_plain_frame_up_to_its_border() -> None:
    plain = torch.full((3, 2, 16, 16), 0.3)
    assert torch.allclose(reactive_content("blurred", plain), plain, atol=1e-5)


def test_edges_are_white_where_the_picture_changes_and_black_elsewhere() -> None:
    video = torch.full((3, 2, 32, 32), -1.0)
    video[..., 16:] = 1.0
    edges = reactive_content("edges", video)
    assert (edges[..., :14] == -1).all()
    assert (edges[..., 18:] == -1).all()
    assert (edges[..., 15:17] == 1).all()
    turned = reactive_content("edges", video.transpose(-1, -2)).transpose(-1, -2)
    assert torch.allclose(turned, edges)


def test_near_is_white_in_depth_and_without_a_map_it_is_refused() -> None:
    depth = torch.zeros(1, 5, 48, 64)
    depth[:, :, 10:20] = 1.0
    shown = reactive_content("depth", noise_video(), depth=depth)
    assert (shown[:, :, 10:20] == 1).all()
    assert (shown[:, :, :10] == -1).all()
    with pytest.raises(InputError, match="needs a depth map"):
        reactive_content("depth", noise_video())
    with pytest.raises(InputError, match="needs a depth map"):
        reactive_content("depth", noise_video(), depth=depth[:, :3])


def test_an_unknown_content_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="source, grey, blurred"):
        reactive_content("gray", noise_video())  # type: ignore[arg-type]


def test_shares_are_the_stated_ones_and_reconstruction_never_sees_the_answer() -> None:
    assert CONTENTS_BY_ENGINE["render"] == {"source": 0.45, "grey": 0.3, "blurred": 0.15, "edges": 0.1}
    assert np.isclose([sum(shares.values()) for shares in CONTENTS_BY_ENGINE.values()], 1).all()
    for engine in UNSHOWN_ENGINES:
        assert set(CONTENTS_BY_ENGINE[engine]) == {"grey", "noise"}
