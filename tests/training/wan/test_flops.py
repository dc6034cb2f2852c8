"""Operations are counted as torch counts them."""

from __future__ import annotations

import pytest
from fast_models import Adapters, Clip, adapted, asked
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.wan.architecture import SIZES
from pvtt_train.wan.flops import step_flops
from pvtt_train.wan.memory import STOCK

TINY, CLIP = SIZES["tiny"], Clip(9, 64, 112)


@pytest.mark.usefixtures("diffsynth")
@pytest.mark.parametrize("targets", ["vace", "both"])
def test_a_forward_is_what_torch_counts(targets: str) -> None:
    """All but the embeddings of text and time, which are a few products of some rows."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model = adapted(targets)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):  # products of which are counted
        model(*asked())
    left_out = ("text_embedding", "time_embedding", "time_projection")
    few = sum(sum(counts.values()) for name, counts in counter.get_flop_counts().items() if name.endswith(left_out))
    counted = counter.get_total_flops() - few
    expected = step_flops(TINY, Adapters(targets=targets, rank=4), CLIP).forward
    assert expected == pytest.approx(counted, rel=1e-9)


def test_the_real_size_costs_what_the_measured_table_was_reckoned_with() -> None:
    """593.9 and 1302 TFLOP: 51 % of 790 TFLOP/s at 1.48 s, and at 3.05 s 54 %."""
    for frames, teraflop in ((49, 593.9), (81, 1302.0)):
        cost = step_flops(SIZES["wan2.1-vace-1.3b"], Adapters(rank=32), Clip(frames, 480, 848))
        assert cost.useful / 1e12 == pytest.approx(teraflop, rel=1e-4)


def test_what_is_computed_again_depends_on_what_is_kept() -> None:
    settings = (
        STOCK,
        SpeedConfig(),
        SpeedConfig(keep_blocks=20),
        SpeedConfig(checkpointing="none"),
    )
    again = [step_flops(SIZES["wan2.1-vace-1.3b"], Adapters(), Clip(49, 480, 848), how).recomputed for how in settings]
    assert again == sorted(again, reverse=True) and len(set(again)) == 4 and again[-1] == 0
    one, two = (step_flops(TINY, Adapters(), CLIP, batch=batch).useful for batch in (1, 2))
    assert two == pytest.approx(2 * one)
