"""Frames have exact numbers and times in every container, and any range of them can be read alone."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from made_videos import number_in, numbered_picture, numbered_pictures, shifted_copy, write_video

from pvtt_data.errors import InputError
from pvtt_data.images import write_png
from pvtt_data.media import FrameFolder, Media, open_media, read_range

COUNT = 60
GOPS = {"g": "12", "bf": "2"}
VARIABLE_MS = list(itertools.accumulate([0] + [20, 20, 50, 110, 33, 34] * 10))[:COUNT]

MADE: dict[str, dict[str, Any]] = {
    "b-frames.mp4": {"options": GOPS},
    "open-gop.mp4": {"options": {**GOPS, "x264-params": "open-gop=1"}},
    "short-gop.mp4": {"options": {"g": "3", "bf": "2", "x264-params": "b-adapt=0"}},
    "variable.mp4": {"options": GOPS, "stamps_ms": VARIABLE_MS},
    "h264.mkv": {"options": GOPS},
    "variable.mkv": {"options": GOPS, "stamps_ms": VARIABLE_MS},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "12", "cpu-used": "8", "deadline": "realtime"}},
    "vp8.webm": {"codec": "libvpx", "options": {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "16"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "h264.avi": {"options": GOPS},
    "h264.ts": {"options": GOPS},
    "mpeg4.mov": {"codec": "mpeg4", "options": {"g": "12"}},
}


@pytest.fixture(scope="module", params=sorted(MADE))
def numbered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Media:
    path = tmp_path_factory.mktemp("made") / request.param
    return open_media(write_video(path, numbered_pictures(COUNT), **MADE[request.param]))


def numbers(media: Media, first: int = 0, last: int | None = None) -> list[tuple[int, int]]:
    return [(f.index, number_in(f.picture.to_ndarray(format="gray"))) for f in media.frames(first, last)]


def test_all_frames_come_in_order_with_their_numbers(numbered: Media) -> None:
    assert numbers(numbered) == [(i, i) for i in range(COUNT)]
    assert len(numbered.timeline) == COUNT


def test_any_range_can_be_read_alone(numbered: Media) -> None:
    choose = random.Random(0)
    for _ in range(8):
        first = choose.randrange(COUNT)
        last = choose.randrange(first, COUNT) + 1
        assert numbers(numbered, first, last) == [(i, i) for i in range(first, last)]


def test_times_are_those_of_the_timeline(numbered: Media) -> None:
    times = [frame.time_s for frame in numbered.frames()]
    assert times == [numbered.timeline.time_s(i) for i in range(COUNT)]
    variable = "variable" in numbered.name
    expected = VARIABLE_MS if variable else [1000 * i / 30 for i in range(COUNT)]
    assert [float(t) * 1000 for t in times] == pytest.approx(expected, abs=1)


def test_frames_hidden_by_an_edit_list_do_not_count(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", numbered_pictures(30), options=GOPS)
    cut = open_media(shifted_copy(whole, tmp_path / "cut.mp4", 5))
    assert numbers(cut) == [(i, i + 5) for i in range(25)]
    assert numbers(cut, 3, 6) == [(3, 8), (4, 9), (5, 10)]
    assert cut.timeline.duration_s == Fraction(25, 30)


def test_damage_is_marked_and_leaves_the_other_numbers_alone(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", numbered_pictures(COUNT), options={"g": "10", "bf": "0"})
    with_noise = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    middle = with_noise.find(b"mdat") + (len(with_noise) - with_noise.find(b"mdat")) // 2
    with_noise[middle : middle + 200] = rng.integers(0, 256, 200, np.uint8).tobytes()
    path.write_bytes(with_noise)
    media = open_media(path)
    whole = {f.index: number_in(f.picture.to_ndarray(format="gray")) for f in media.frames() if not f.corrupt}
    assert 0 < len(whole) < COUNT
    assert all(index == number for index, number in whole.items())
    with pytest.raises(InputError) as refused:
        read_range(media, 0, COUNT)
    assert refused.value.reason == "corrupt-frames"


def test_a_packet_without_a_picture_takes_its_time_in_avi(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.avi", numbered_pictures(COUNT), codec="mpeg4", options={"g": "10", "bf": "0"})
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][25]
        start, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[start : start + size] = b"\1" * size
    path.write_bytes(data)
    media = open_media(path)
    frames = list(media.frames())
    assert [frame.index for frame in frames] == list(range(COUNT - 1)) == list(range(len(media.timeline)))
    assert [frame.time_s for frame in frames] == [media.timeline.time_s(frame.index) for frame in frames]
    shown = {frame.time_s * 30: number_in(frame.picture.to_ndarray(format="gray")) for frame in frames}
    damaged = {frame.time_s * 30 for frame in frames if frame.corrupt}
    assert {26, 27} <= damaged <= set(range(25, 30)), "what follows is wrong until the next key frame"
    assert all(number == time for time, number in shown.items() if time not in damaged)


def test_a_file_cut_short_still_gives_its_first_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mkv", numbered_pictures(COUNT), options=GOPS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    found = [(f.time_s, number_in(f.picture.to_ndarray(format="gray"))) for f in open_media(path).frames()]
    assert 10 < len(found) < COUNT
    assert all(float(time_s) == pytest.approx(number / 30, abs=0.001) for time_s, number in found)


SIGNS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
TURNS = [(s, 0, 0, t) for s, t in SIGNS] + [(0, s, t, 0) for s, t in SIGNS]


@pytest.mark.parametrize("turn", TURNS)
def test_pictures_are_shown_upright(tmp_path: Path, turn: tuple[int, int, int, int]) -> None:
    a, b, c, d = turn
    coded = numbered_picture(0b00010111)
    matrix = [v * 65536 for v in (a, b, 0, c, d, 0)] + [0, 0, 1 << 30]
    path = write_video(tmp_path / "video.mp4", [coded] * 2, options={"qp": "4"}, matrix=matrix)
    shown = read_range(open_media(path), 0, 1)[0]
    height, width = coded.shape[:2]
    places = np.array([(a * x + c * y, b * x + d * y) for y in range(height) for x in range(width)])
    places -= places.min(axis=0)
    expected = np.zeros((places[:, 1].max() + 1, places[:, 0].max() + 1, 3), np.uint8)
    expected[places[:, 1], places[:, 0]] = coded.reshape(-1, 3)
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).max() < 20


def test_slanted_video_is_refused(tmp_path: Path) -> None:
    matrix = [46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30]
    path = write_video(tmp_path / "video.mp4", numbered_pictures(2), matrix=matrix)
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason == "unsupported-rotation"


def test_pixels_become_square(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", numbered_pictures(5), aspect=Fraction(3, 2))
    media = open_media(path)
    assert (media.probe.display_width_px, media.probe.display_height_px) == (96, 32)
    frames = read_range(media, 2, 5)
    assert frames.shape == (3, 32, 96, 3)
    assert [number_in(frame) for frame in frames] == [2, 3, 4]


PATCHES = [(200, 30, 30), (30, 180, 40), (30, 40, 200), (128, 128, 128), (235, 220, 40), (0, 0, 0), (255, 255, 255)]
BT709 = {"colorspace": 1, "color_range": 1}


@pytest.mark.parametrize(
    ("height", "pix_fmt", "tags", "conversion"),
    [
        (64, "yuv420p", {}, "out_color_matrix=bt601:out_range=tv"),
        (64, "yuv420p", {"colorspace": 1, "color_range": 1}, "out_color_matrix=bt709:out_range=tv"),
        (64, "yuv444p10le", {"colorspace": 1, "color_range": 1}, "out_color_matrix=bt709:out_range=tv"),
        (64, "yuv420p", {"colorspace": 6, "color_range": 2}, "out_color_matrix=bt601:out_range=pc"),
        (64, "yuv420p", {"colorspace": 9, "color_range": 1}, "out_color_matrix=bt2020:out_range=tv"),
        (720, "yuv420p", {}, "out_color_matrix=bt709:out_range=tv"),
    ],
)
def test_colours_come_back(tmp_path: Path, height: int, pix_fmt: str, tags: dict[str, int], conversion: str) -> None:
    patches = np.kron(np.array([PATCHES], np.uint8), np.ones((height, 32, 1), np.uint8))
    path = write_video(
        tmp_path / "video.mp4",
        [patches] * 2,
        options={"qp": "2"},
        pix_fmt=pix_fmt,
        tags=tags,
        conversion=f"flags=bicubic+accurate_rnd:{conversion}",
    )
    shown = read_range(open_media(path), 0, 1)[0]
    centres = shown[height // 2, 16::32].astype(int)
    assert np.abs(centres - np.array(PATCHES)).max() <= 4


def test_transparent_video_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mov", numbered_pictures(2), codec="prores_ks", pix_fmt="yuva444p10le")
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason == "alpha-unsupported"


def write_frames(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for number, name in enumerate(names):
        (folder / name).write_bytes(write_png(numbered_picture(number)))
    return folder


def test_a_folder_of_numbered_pictures_is_a_video(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", [f"shot3_{i}.png" for i in range(12)])
    (folder / "notes.json").write_text("{}")
    media = open_media(folder, declared_fps=23.976)
    assert numbers(media) == [(i, i) for i in range(12)]
    assert numbers(media, 9, 11) == [(9, 9), (10, 10)]
    assert media.probe.fps == Fraction(24000, 1001)
    assert media.timeline.time_s(3) == Fraction(3003, 24000)
    assert media.frame_names()[:2] == ["shot3_0", "shot3_1"]
    assert [number_in(frame) for frame in read_range(media, 4, 6)] == [4, 5]


@pytest.mark.parametrize(
    ("names", "fps", "reason"),
    [
        (["0.png", "1.png"], None, "no-frame-rate"),
        (["0.png", "1.png", "3.png"], 10.0, "frames-missing"),
        (["0.png", "a0.png"], 10.0, "frames-missing"),
        (["0.png", "cover.png"], 10.0, "not-numbered"),
        ([], 10.0, "no-frames"),
    ],
)
def test_unclear_folders_are_refused(tmp_path: Path, names: list[str], fps: float | None, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        open_media(write_frames(tmp_path / "frames", names), declared_fps=fps)
    assert refused.value.reason == reason


def test_broken_and_odd_sized_pictures_in_a_folder_are_noticed(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", ["0.png", "1.png", "2.png"])
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:60])
    media = FrameFolder(folder, fps=10)
    assert [index for index, _ in numbers(media)] == [0, 2]
    (folder / "1.png").write_bytes(write_png(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(InputError) as refused:
        read_range(media, 0, 3)
    assert refused.value.reason == "size-changes"


def test_dolby_vision_without_a_base_layer_is_refused(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "video.mp4", numbered_pictures(3), codec="libx265", options={"x265-params": "log-level=0"}
    )
    path.write_bytes(path.read_bytes().replace(b"hev1", b"dvhe").replace(b"hvc1", b"dvh1"))
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason == "dolby-vision"


def test_time_stamps_that_jump_back_are_refused(tmp_path: Path) -> None:
    """Two recordings in one transport stream, as some cameras and downloaders write them."""
    part = write_video(tmp_path / "part.ts", numbered_pictures(30), options={"g": "5", "bf": "0"}).read_bytes()
    back = tmp_path / "back.ts"
    back.write_bytes(part + part)
    with pytest.raises(InputError) as refused:
        list(open_media(back).frames())
    assert refused.value.reason == "broken-timestamps"
