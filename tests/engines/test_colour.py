"""Light, its colour and the encoder's losses are taken over from the scene."""

from __future__ import annotations

import numpy as np
import pytest
from moving_scenes import scene, texture

from pvtt_data.engines.colour import compressed, compression, light_path, match_colour, wiped_share

WHOLE = np.ones((96, 128), np.bool_)


@pytest.mark.parametrize("tracked", [True, False])
def test_the_light_of_every_frame_is_followed_by_channel(tracked: bool) -> None:
    made = scene(count=11, zoom=1.0, turn=0.0, step=(2.0, 0.0))
    gains = np.linspace(0.8, 1.2, 11)[:, None] * np.array([1.04, 1.0, 0.96])
    linear = (made.frames / 255.0) ** 2.2 * 0.6 * gains[:, None, None]
    frames = np.rint(255 * linear ** (1 / 2.2)).astype(np.uint8)
    moves = made.background_moves @ np.linalg.inv(made.background_moves[5]) if tracked else None
    found = light_path(frames, made.masks, 5, moves)
    assert found.shape == (11, 3)
    assert np.allclose(found[5], 1.0)
    expected = gains / gains[5]
    assert np.abs(found[2:-2] - expected[2:-2]).max() < (0.03 if tracked else 0.12)


def test_moving_over_darker_ground_is_no_change_of_light() -> None:
    """The same places are compared, not whatever happens to lie around the product."""
    made = scene(count=11, zoom=1.0, turn=0.0, step=(6.0, 0.0), with_the_ground=False)
    slope = np.linspace(0.4, 1.0, 3 * 240)
    ground = np.stack(
        [slope[np.clip(np.arange(240) - int(move[0, 2]), 0, 719).astype(int)] for move in made.background_moves]
    )
    frames = np.rint(made.backgrounds * ground[:, None, :, None]).astype(np.uint8)
    moves = made.background_moves @ np.linalg.inv(made.background_moves[5])
    with_track, without = (light_path(frames, made.masks, 5, move) for move in (moves, None))
    assert np.abs(with_track - 1.0).max() < 0.05 < np.abs(without - 1.0).max()


def test_colours_move_a_little_and_only_where_there_is_something_to_compare() -> None:
    red, blue = np.full((96, 128, 3), (200, 60, 50), np.uint8), np.full((96, 128, 3), (60, 70, 200), np.uint8)
    change = match_colour(red, WHOLE, blue, WHOLE, 0.25)
    assert change is not None
    moved = change.of(red).astype(int)[0, 0]
    assert moved[0] < 200
    assert moved[0] > moved[2] + 80, "it is still red"
    assert match_colour(red, WHOLE, blue, WHOLE, 0.0) is None
    assert match_colour(red, ~WHOLE, blue, WHOLE, 0.5) is None


def test_as_much_faint_detail_is_wiped_as_in_the_scene() -> None:
    faint = np.clip(128 + np.random.default_rng(0).normal(0, 2.0, (96, 128, 3)), 0, 255).astype(np.uint8)
    assert compression(faint, WHOLE, wiped_share(faint, WHOLE)) == 100
    scene_of_an_encoder = compressed(faint, 50)
    wanted = wiped_share(scene_of_an_encoder, WHOLE)
    assert wanted > wiped_share(faint, WHOLE) + 0.2
    quality = compression(faint, WHOLE, wanted)
    assert quality < 100
    assert wiped_share(compressed(faint, quality), WHOLE) >= wanted - 0.05
    strong = texture(96, 128, 3, (120, 120, 120), 60.0)
    assert compression(strong, WHOLE, 1.0) == 50, "the lowest tried, where none reaches it"
