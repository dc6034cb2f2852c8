"""A box that a person drew: shares of a frame, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.segmenters.box_prompt import BoxPrompt

shares = st.floats(0, 1, allow_nan=False)


def test_shares_become_pixels_of_the_clip() -> None:
    box = BoxPrompt.of((0.25, 0.5, 0.75, 1), 3)
    assert box.within(4, 100, 200) == (50.0, 50.0, 150.0, 100.0)
    assert box.words == "0.25,0.5,0.75,1"


@pytest.mark.parametrize(
    "edges",
    [(0, 0, 0, 1), (0.5, 0, 0.4, 1), (0, 0.9, 1, 0.1), (-0.1, 0, 1, 1), (0, 0, 1, 1.2), (0, 0, math.nan, 1), (0, 0, 1)],
)
def test_what_is_no_box_is_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(InputError) as refused:
        BoxPrompt.of(edges, 0)
    assert refused.value.reason == "bad-box"


def test_a_clip_without_that_frame_and_a_box_of_no_pixel_are_refused() -> None:
    with pytest.raises(InputError, match="no frame -1"):
        BoxPrompt(-1, 0, 0, 1, 1)
    with pytest.raises(InputError, match="frames are 0 to 8") as refused:
        BoxPrompt(9, 0, 0, 1, 1).within(9, 10, 10)
    assert refused.value.numbers == {"box_frame": 9.0, "frames": 9.0}
    with pytest.raises(InputError, match="holds nothing"):
        BoxPrompt(0, 0.5, 0, 0.505, 1).within(9, 100, 100)


@given(st.lists(shares, min_size=4, max_size=4), st.integers(1, 4000), st.integers(1, 4000))
def test_a_box_lies_inside_its_frame_or_is_refused(edges: list[float], height: int, width: int) -> None:
    try:
        left, top, right, bottom = BoxPrompt.of(edges, 0).within(1, height, width)
    except InputError as error:
        assert error.reason == "bad-box"
    else:
        assert left >= 0 and left + 1 <= right <= width
        assert top >= 0 and top + 1 <= bottom <= height
