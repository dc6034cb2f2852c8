"""A hand in front of the product is told from gaps of the mask, and stays in front of the new product."""

from __future__ import annotations

import numpy as np
from moving_scenes import Scene, scene

from pvtt_data.engines.composite import CompositeConfig, CompositeEngine, CompositeRequest
from pvtt_data.engines.occlusion import find_occluders
from pvtt_data.tracking import track_plane

SKIN = (235, 190, 170)


def _behind_a_hand(first: int = 4, last: int = 8) -> tuple[Scene, np.ndarray]:
    """A clip with a bar across the product in some frames, missing in the masks, and where it is."""
    made = scene(count=15, step=(1.5, 0.0), zoom=1.0, turn=0.0)
    hand = np.zeros_like(made.masks)
    hand[first:last, 72:84, 40:160] = True
    frames, masks = made.frames.copy(), made.masks & ~hand
    frames[hand] = SKIN
    return Scene(frames, masks, made.product_moves, made.background_moves, made.backgrounds), hand


def test_a_hand_is_found_while_it_is_there() -> None:
    made, hand = _behind_a_hand()
    found = find_occluders(made.frames, made.masks, track_plane(made.frames, made.masks))
    assert found is not None
    assert set(np.flatnonzero(found.any(axis=(1, 2)))) == set(range(4, 8))
    behind = hand & scene(count=15, step=(1.5, 0.0), zoom=1.0, turn=0.0).masks
    assert found[behind].mean() > 0.7
    assert found[~hand].sum() < 0.1 * found.sum()


def test_the_hand_stays_in_front_of_the_new_product() -> None:
    made, hand = _behind_a_hand()
    product = np.zeros((130, 90, 4), np.uint8)
    product[5:-5, 5:-5] = (60, 90, 200, 255)
    request = CompositeRequest(made.frames, made.masks, product, seed=0, placement="cover")
    result = CompositeEngine().make(request)
    assert "occluded" in result.flags
    assert 0.2 < result.numbers["occluded_share"] < 0.4
    core = hand.copy()
    core[:, :76] = core[:, 80:] = core[:, :, :100] = core[:, :, 135:] = False
    assert np.abs(result.source[core].astype(int) - SKIN).mean() < 4
    blind = CompositeEngine(CompositeConfig(find_occluders=False)).make(request)
    assert "occluded" not in blind.flags
    assert np.abs(blind.source[core].astype(int) - SKIN).mean() > 50


def test_a_mask_with_gaps_alone_shows_no_hand() -> None:
    """The segmenter lost a part of the product for a while; what is seen there is the product."""
    made = scene(count=15, step=(1.5, 0.0), zoom=1.0, turn=0.0)
    masks = made.masks.copy()
    masks[4:8, 72:84] = False
    assert find_occluders(made.frames, masks, track_plane(made.frames, masks)) is None


def test_a_clip_without_anything_in_front_has_none() -> None:
    made = scene()
    assert find_occluders(made.frames, made.masks, track_plane(made.frames, made.masks)) is None


def test_what_leaves_the_frame_is_behind_nothing() -> None:
    made = scene(count=15, step=(0.0, -9.0), zoom=1.0, turn=0.0)
    frames = made.frames.copy()
    frames[:, :3] = SKIN
    assert made.masks[-1, 0].any()
    assert find_occluders(frames, made.masks, track_plane(made.frames, made.masks)) is None
