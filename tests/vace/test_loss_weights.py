"""Where the loss looks."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pvtt_data.errors import InputError

torch = pytest.importorskip("torch", reason="torch is not installed")

from pvtt_data.vace.loss_weights import LossWeights, loss_weights  # noqa: E402

WEIGHTS = LossWeights(inside=4, effect=2, elsewhere=1)


def masks() -> tuple[torch.Tensor, torch.Tensor]:
    """One pixel of the mask in frame 2 of latent 1's window, one of the effect in frame 8 of latent 2's."""
    mask, effect = torch.zeros(1, 9, 32, 48), torch.zeros(1, 9, 32, 48)
    mask[:, 2, 9, 17] = 1
    effect[:, 2, 9, 17] = 1
    effect[:, 8, 31, 47] = 1
    return mask, effect


def test_a_position_counts_as_its_heaviest_pixel_in_any_frame_of_its_window() -> None:
    made = loss_weights(*masks(), WEIGHTS, references=0)
    assert made.shape == (1, 3, 4, 6)
    ratios = made / made[0, 0, 0, 0]
    expected = torch.ones(1, 3, 4, 6)
    expected[:, 1, 1, 2] = 4
    expected[:, 2, 3, 5] = 2
    assert torch.allclose(ratios, expected)


@pytest.mark.parametrize("references", [0, 1, 3])
def test_references_weigh_nothing_and_the_mean_over_the_video_is_one(references: int) -> None:
    made = loss_weights(*masks(), WEIGHTS, references)
    assert made.shape == (1, references + 3, 4, 6)
    assert (made[:, :references] == 0).all()
    assert float(made[:, references:].mean()) == pytest.approx(1)


def test_each_sample_of_a_batch_is_scaled_by_itself() -> None:
    mask, effect = masks()
    full = torch.ones_like(mask)
    batch = loss_weights(torch.stack([mask, full]), torch.stack([effect, full]), WEIGHTS, 1)
    assert batch.shape == (2, 1, 4, 4, 6)
    assert torch.equal(batch[0], loss_weights(mask, effect, WEIGHTS, 1))
    assert (batch[1, :, 1:] == 1).all()


def test_positions_that_all_weigh_nothing_stay_finite() -> None:
    full = torch.ones(1, 1, 8, 8)
    made = loss_weights(full, full, LossWeights(inside=0, effect=1, elsewhere=1), 0)
    assert (made == 0).all()


def test_weights_that_are_all_zero_and_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="above 0"):
        LossWeights(inside=0, effect=0, elsewhere=0)
    mask, effect = (part[:, :8] for part in masks())
    with pytest.raises(InputError, match="4n\\+1"):
        loss_weights(mask, effect, WEIGHTS, 0)
    mask, effect = masks()
    with pytest.raises(InputError, match="divisible by 8"):
        loss_weights(mask[..., :20], effect[..., :20], WEIGHTS, 0)
