"""Text laid over a clip is told from text in the scene and on the product, and its share is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from moving_scenes import texture

from pvtt_data.masks import Mask
from pvtt_data.media import open_media, read_range
from pvtt_data.text_detection import Boxes, PpOcrDetector, TextDetector, boxes_of, network_size
from pvtt_data.text_overlay import find_overlays, frames_to_look_at, overlay_numbers, product_region, stays_on_screen

ROOT = Path(__file__).resolve().parents[1]
SIZE = (240, 320)
FRAMES, FPS = 33, 16.0
BOX = (100, 180, 230, 206)
"""left, top, right, bottom of the text in pixels"""

Frames = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    cv2.setNumThreads(1)


class KnowsTheBoxes(TextDetector):
    """Stands in for the network: finds the made text where it was put, in the frames as they are asked for."""

    def __init__(self, boxes: Sequence[Sequence[tuple[int, int, int, int]]]) -> None:
        self._boxes = iter(boxes)

    def boxes(self, image: npt.NDArray[np.uint8]) -> Boxes:
        return np.array([corners(box) for box in next(self._boxes)], np.float32).reshape(-1, 4, 2)


def corners(box: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def written(picture: Frames, text: str, left: int = BOX[0], top: int = BOX[1]) -> Frames:
    """The picture with a line of white, dark-edged text."""
    copy = picture.copy()
    place = (left + 2, top + 20)
    cv2.putText(copy, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 5, cv2.LINE_AA)
    cv2.putText(copy, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    return copy


def scene(speed_px: float, count: int = FRAMES) -> Frames:
    """A textured ground that passes by at a steady speed to the left, in pixels a frame."""
    height, width = SIZE
    ground = texture(height, width + math.ceil(abs(speed_px) * count), 3, (120, 110, 100))
    return np.stack([ground[:, round(t * speed_px) :][:, :width] for t in range(count)])


def luma(frames: Frames) -> list[npt.NDArray[np.uint8]]:
    return [np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8) for frame in frames]


def test_text_fixed_on_the_screen_stays_while_the_scene_moves() -> None:
    frames = np.stack([written(frame, "Big sale") for frame in scene(2.0)])
    assert all(stays_on_screen(luma(frames), t, corners(BOX), FPS) for t in frames_to_look_at(FRAMES))


@pytest.mark.parametrize("speed_px", [0.3, 1.0, 2.0, 8.0])
def test_text_in_the_scene_does_not_stay(speed_px: float) -> None:
    looked = FRAMES // 2
    passed = [round((t - looked) * speed_px) for t in range(FRAMES)]
    frames = [written(frame, "Big sale", BOX[0] - px) for frame, px in zip(scene(speed_px), passed, strict=True)]
    assert not stays_on_screen(luma(np.stack(frames)), looked, corners(BOX), FPS)


def test_subtitles_that_change_count_each() -> None:
    lines = ["Made of oak", "Free today", "Fits a bag"]
    frames = np.stack([written(frame, lines[t // 11]) for t, frame in enumerate(scene(2.0))])
    assert all(stays_on_screen(luma(frames), t, corners(BOX), FPS) for t in (5, 16, 27))


def test_text_that_flashes_up_for_a_moment_does_not_count() -> None:
    frames = scene(2.0)
    frames[16] = written(frames[16], "Big sale")
    assert not stays_on_screen(luma(frames), 16, corners(BOX), FPS)


def test_a_headline_that_glides_in_counts_once_it_stands() -> None:
    frames = []
    for t, frame in enumerate(scene(2.0)):
        away = round(120 * max(0.0, 1 - t / 8) ** 2)
        frames.append(written(frame, "Big sale", BOX[0] - away))
    assert stays_on_screen(luma(np.stack(frames)), 16, corners(BOX), FPS)


def test_text_in_a_scene_that_stands_still_counts() -> None:
    frames = np.stack([written(frame, "Big sale") for frame in scene(0.0)])
    assert stays_on_screen(luma(frames), 16, corners(BOX), FPS)


def no_product() -> Mask:
    return np.zeros((FRAMES, *SIZE), np.bool_)


def test_the_share_is_the_area_of_the_boxes_mean_over_the_frames() -> None:
    frames = np.stack([written(frame, "Big sale") for frame in scene(2.0)])
    detector = KnowsTheBoxes([[BOX], [BOX], [], [BOX], []])
    numbers = overlay_numbers(find_overlays(frames, no_product(), FPS, detector))
    area = (BOX[2] - BOX[0]) * (BOX[3] - BOX[1]) / (SIZE[0] * SIZE[1])
    assert numbers["text_overlay_share"] == pytest.approx(area * 3 / 5, rel=0.02)
    assert numbers["text_overlay_share_max"] == pytest.approx(area, rel=0.02)
    assert numbers["text_overlay_boxes_max"] == 1


def test_text_on_the_product_and_a_box_around_it_do_not_count() -> None:
    frames = np.stack([written(frame, "Big sale") for frame in scene(0.0)])
    masks = no_product()
    masks[:, 150:230, 90:240] = True
    around = (60, 120, 280, 238)
    found = find_overlays(frames, masks, FPS, KnowsTheBoxes([[BOX, around]] * 5))
    assert overlay_numbers(found)["text_overlay_share_max"] == 0
    assert [len(look.others) for look in found] == [2] * 5


def test_only_what_lies_beside_the_product_is_counted_of_a_line_that_touches_it() -> None:
    frames = np.stack([written(frame, "Big sale") for frame in scene(2.0)])
    masks = no_product()
    masks[:, 100:230, 200:300] = True
    found = find_overlays(frames, masks, FPS, KnowsTheBoxes([[BOX]] * 5))
    share = overlay_numbers(found)["text_overlay_share"] * SIZE[0] * SIZE[1]
    margin = 7
    assert share == pytest.approx((200 - margin - BOX[0]) * (BOX[3] - BOX[1]), rel=0.05)


def test_text_that_the_mask_took_along_counts_and_text_printed_on_the_product_does_not() -> None:
    frames = np.stack([written(frame, "Big sale") for frame in scene(0.0)])
    beside, printed = no_product(), no_product()
    beside[:, 20:120, 20:120] = True
    beside[:, 172:214, 92:238] = True
    printed[:, 100:236, 80:250] = True
    taken_along = overlay_numbers(find_overlays(frames, beside, FPS, KnowsTheBoxes([[BOX]] * 5)))
    label = overlay_numbers(find_overlays(frames, printed, FPS, KnowsTheBoxes([[BOX]] * 5)))
    area = (BOX[2] - BOX[0]) * (BOX[3] - BOX[1]) / (SIZE[0] * SIZE[1])
    assert taken_along["text_overlay_share"] == pytest.approx(area, rel=0.02)
    assert label["text_overlay_share"] == 0


def test_a_label_across_the_product_is_its_own_and_so_is_text_that_fills_it() -> None:
    mask = np.zeros(SIZE, np.bool_)
    mask[100:230, 100:230] = True
    across, all_over = np.array([corners((95, 150, 235, 190))]), np.array([corners((98, 98, 232, 232))])
    for boxes in (across, all_over):
        region = product_region(mask, boxes)
        assert region[mask].all()


def test_without_text_or_product_the_region_is_the_mask_with_a_margin() -> None:
    mask = np.zeros(SIZE, np.bool_)
    nothing = np.zeros((0, 4, 2), np.float32)
    assert not product_region(mask, nothing).any()
    mask[100:120, 100:120] = True
    region = product_region(mask, nothing)
    assert region[mask].all()
    assert region.sum() == pytest.approx(34 * 34, rel=0.1)


@pytest.mark.parametrize("count", [1, 2, 4, 49, 81])
def test_frames_are_looked_at_over_the_whole_clip(count: int) -> None:
    looked = frames_to_look_at(count)
    assert looked == sorted(set(looked))
    assert all(0 <= t < count for t in looked)
    assert len(looked) == min(count, 5) or count == 4


def test_masks_of_another_clip_are_refused() -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        find_overlays(scene(0.0), no_product()[:-1], FPS, KnowsTheBoxes([]))


def test_boxes_grow_from_the_core_to_the_text() -> None:
    core = np.zeros((96, 160), np.float32)
    core[40:52, 30:130] = 0.9
    core[70:80, 30:130] = 0.4
    (box,) = boxes_of(core)
    growth = 1.6 * 12 * 100 / 112
    assert box.min(axis=0) == pytest.approx([30 - growth / 2, 40 - growth / 2], abs=0.5)
    assert box.max(axis=0) == pytest.approx([130 + growth / 2, 52 + growth / 2], abs=0.5)


def test_tilted_text_has_a_tilted_box() -> None:
    core = np.zeros((200, 200), np.float32)
    core[93:107, 40:160] = 1.0
    (box,) = boxes_of(cv2.warpAffine(core, cv2.getRotationMatrix2D((100, 100), 30, 1.0), (200, 200)))
    sides = np.linalg.norm(box - np.roll(box, 1, axis=0), axis=1)
    growth = 1.6 * 120 * 14 / 134
    assert sorted(sides)[0] == pytest.approx(14 + growth, abs=3.5)
    assert sorted(sides)[-1] == pytest.approx(120 + growth, abs=3.5)


def test_the_network_sees_sides_it_can_take() -> None:
    assert network_size(848, 480) == (864, 480)
    assert network_size(1920, 1080) == (1312, 736)
    assert network_size(448, 256) == (864, 480)


@pytest.mark.slow
def test_the_network_finds_what_was_burnt_into_a_product_video_and_leaves_its_label(text_detector_path: Path) -> None:
    detector = PpOcrDetector(text_detector_path)
    folder, name = ROOT / "samples", "P1001_ad.mp4"
    frames = read_range(open_media(folder / "catalogue" / "bottles" / "media" / "videos" / name), 0, 48)
    truth = read_range(open_media(folder / "truth" / "masks" / name), 0, 48)[..., 1] > 127
    clean = overlay_numbers(find_overlays(frames, truth, 24.0, detector))
    assert clean["text_overlay_share"] < 0.002

    left, top = 40, frames.shape[1] - 90
    (wide, high), base = cv2.getTextSize("Free shipping", cv2.FONT_HERSHEY_DUPLEX, 1.4, 3)
    place = (left, top + high)
    marked = frames.copy()
    for frame in marked:
        cv2.putText(frame, "Free shipping", place, cv2.FONT_HERSHEY_DUPLEX, 1.4, (255, 255, 255), 3, cv2.LINE_AA)
    numbers = overlay_numbers(find_overlays(marked, truth, 24.0, detector))
    share = wide * (high + base) / frames[0, ..., 0].size
    assert numbers["text_overlay_share"] == pytest.approx(share, rel=0.3)
    assert numbers["text_overlay_boxes_max"] >= 1

    labelled = frames.copy()
    for frame, mask in zip(labelled, truth, strict=True):
        rows, columns = np.nonzero(mask)
        place = (int(columns.mean()) - 40, int(rows.mean()))
        cv2.putText(frame, "OAK 12", place, cv2.FONT_HERSHEY_DUPLEX, 0.7, (20, 20, 20), 2, cv2.LINE_AA)
    found = find_overlays(labelled, truth, 24.0, detector)
    assert any(len(look.others) for look in found), "the label is not seen at all, so the test says nothing"
    assert overlay_numbers(found)["text_overlay_share"] < 0.002
