"""Crops and pads lie on even pixels inside what they are cut from, and keep the shape."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pvtt_data.records import Rectangle
from pvtt_data.stages.normalise import NormaliseConfig, crop_to_fill, fit_inside

pictures = st.builds(Rectangle, st.integers(0, 301), st.integers(0, 301), st.integers(16, 8192), st.integers(16, 4352))
sides = st.integers(1, 130).map(lambda n: 16 * n)


def is_even(rectangle: Rectangle) -> bool:
    return not any(v % 2 for v in (rectangle.x, rectangle.y, rectangle.width, rectangle.height))


@settings(max_examples=500)
@given(pictures, sides, sides)
def test_a_crop_lies_inside_the_picture_on_even_pixels(picture: Rectangle, width: int, height: int) -> None:
    crop = crop_to_fill(picture, width, height)
    assert is_even(crop)
    assert crop.width >= 2
    assert crop.height >= 2
    assert picture.x <= crop.x
    assert picture.y <= crop.y
    assert crop.x + crop.width <= picture.x + picture.width
    assert crop.y + crop.height <= picture.y + picture.height


@settings(max_examples=500)
@given(pictures, sides, sides)
def test_a_crop_has_the_shape_of_the_clip_and_is_as_large_as_it_can_be(
    picture: Rectangle, width: int, height: int
) -> None:
    crop = crop_to_fill(picture, width, height)
    scale = min(picture.width / width, picture.height / height)
    # Two pixels for an odd edge of the picture and one for rounding, unless the crop is thinner than that.
    assert abs(crop.width - width * scale) <= 3
    assert abs(crop.height - height * scale) <= 3
    left, right = crop.x - picture.x, picture.x + picture.width - crop.x - crop.width
    top, bottom = crop.y - picture.y, picture.y + picture.height - crop.y - crop.height
    assert abs(left - right) <= 4
    assert abs(top - bottom) <= 4


@given(st.integers(0, 100), st.integers(100, 2000), st.sampled_from([(480, 848), (848, 480), (512, 512)]))
def test_the_shape_is_off_by_little(offset: int, short_side: int, size: tuple[int, int]) -> None:
    picture = Rectangle(offset, 0, short_side * 16 // 9, short_side)
    crop = crop_to_fill(picture, *size)
    assert crop.width / crop.height == pytest.approx(size[0] / size[1], rel=4 / min(crop.width, crop.height))


@pytest.mark.parametrize(
    ("picture", "size", "crop"),
    [
        (Rectangle(0, 0, 1920, 1080), (480, 848), Rectangle(654, 0, 612, 1080)),
        (Rectangle(0, 140, 1920, 800), (848, 480), Rectangle(252, 140, 1414, 800)),
        (Rectangle(0, 0, 480, 848), (480, 848), Rectangle(0, 0, 480, 848)),
        (Rectangle(0, 0, 1080, 1920), (848, 480), Rectangle(0, 654, 1080, 612)),
        (Rectangle(1, 1, 103, 103), (512, 512), Rectangle(2, 2, 102, 102)),
    ],
)
def test_known_crops(picture: Rectangle, size: tuple[int, int], crop: Rectangle) -> None:
    assert crop_to_fill(picture, *size) == crop


@settings(max_examples=500)
@given(pictures, sides, sides)
def test_a_padded_picture_lies_inside_the_clip_and_keeps_its_shape(picture: Rectangle, width: int, height: int) -> None:
    pad = fit_inside(picture, width, height)
    assert is_even(pad)
    assert pad.x >= 0
    assert pad.y >= 0
    assert pad.width >= 2
    assert pad.height >= 2
    assert pad.x + pad.width <= width
    assert pad.y + pad.height <= height
    assert pad.width == width or pad.height == height
    scale = min(width / picture.width, height / picture.height)
    assert abs(pad.width - max(2, picture.width * scale)) <= 1.001
    assert abs(pad.height - max(2, picture.height * scale)) <= 1.001
    assert abs(2 * pad.x + pad.width - width) <= 2
    assert abs(2 * pad.y + pad.height - height) <= 2


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(1920, 1080, (848, 480)), (1080, 1920, (480, 848)), (1000, 1000, (512, 512)), (700, 600, (512, 512))],
)
def test_each_picture_takes_the_size_of_its_shape(width: int, height: int, size: tuple[int, int]) -> None:
    config = NormaliseConfig(sizes=("480x848", "848x480", "512x512"))
    assert config.size_for(width, height) == size
    assert NormaliseConfig(sizes=config.sizes[::-1]).size_for(width, height) == size


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sizes": "480x850"}, "multiples of 16"),
        ({"sizes": "480*848"}, "pattern"),
        ({"sizes": []}, "at least 1"),
        ({"frames": 48}, "4n \\+ 1"),
        ({"fps": 0}, "greater than 0"),
    ],
)
def test_formats_that_the_model_cannot_take_are_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        NormaliseConfig.model_validate(settings)


def test_one_size_may_be_written_without_a_list() -> None:
    config = NormaliseConfig.model_validate({"sizes": "848x480", "frames": 81, "fps": 16})
    assert config.sizes == ("848x480",)
    assert config.duration_s == pytest.approx(81 / 16)
