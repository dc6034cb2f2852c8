"""HDR comes out as SDR that looks the same beside it; wide gamuts keep their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from made_videos import write_video

from pvtt_data.media import open_media, read_range
from pvtt_data.media.tone import Transfer, hlg_scene_light, pq_nits, pq_signal, rolled_off_nits
from pvtt_data.series import measure

HDR_TAGS = {"color_primaries": 9, "colorspace": 9, "color_range": 1}
CONVERSION = "flags=bicubic+accurate_rnd:out_color_matrix=bt2020:out_range=tv"
# HDR reference white is 58 % of PQ and 75 % of HLG (ITU-R BT.2408-8, table 1).
WHITE_SIGNAL: dict[Transfer, float] = {"pq": 0.5807, "hlg": 0.75}
CODES = {"pq": 16, "hlg": 18}


def shown(path: Path, transfer: Transfer, patches: list[tuple[float, float, float]]) -> npt.NDArray[np.int64]:
    """Middle pixels of patches of these signals 0…1 after a trip through an HDR file."""
    row = np.rint(np.array([patches]) * 255).astype(np.uint8)
    pictures = [np.kron(row, np.ones((64, 32, 1), np.uint8))] * 2
    tags = {**HDR_TAGS, "color_trc": CODES[transfer]}
    write_video(path, pictures, pix_fmt="yuv444p10le", tags=tags, options={"qp": "1"}, conversion=CONVERSION)
    return read_range(open_media(path), 0, 1)[0, 32, 16::32].astype(np.int64)


def test_pq_is_that_of_the_standard() -> None:
    signals = pq_signal(np.array([0.0, 26.0, 100.0, 203.0, 1000.0, 10000.0]))
    assert signals == pytest.approx([0.0, 0.380, 0.508, 0.581, 0.752, 1.0], abs=0.001)
    assert pq_nits(signals) == pytest.approx([0.0, 26.0, 100.0, 203.0, 1000.0, 10000.0], abs=0.01)


def test_hlg_is_that_of_the_standard() -> None:
    assert hlg_scene_light(np.array([0.0, 0.5, 0.75, 1.0])) == pytest.approx([0, 1 / 12, 0.2650, 1], abs=0.0005)
    reference_white_nits = 1000 * 0.2650**1.2
    assert reference_white_nits == pytest.approx(203, abs=1)


def test_the_roll_off_leaves_dark_tones_alone_rises_and_ends_at_white() -> None:
    nits = np.linspace(0, 1200, 2000)
    mapped = rolled_off_nits(nits)
    assert mapped[nits < 88] == pytest.approx(nits[nits < 88], rel=1e-6)
    assert (np.diff(mapped) >= -1e-9).all()
    assert mapped[-1] == pytest.approx(203, abs=0.1)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_greys_come_out_at_their_sdr_level(tmp_path: Path, transfer: Transfer) -> None:
    grey = {"pq": float(pq_signal(np.array(26.0))), "hlg": float(np.sqrt(3 * (26 / 1000) ** (1 / 1.2)))}[transfer]
    signals = [0.0, grey, WHITE_SIGNAL[transfer], 1.0]
    found = shown(tmp_path / "hdr.mp4", transfer, [(s, s, s) for s in signals])
    expected = [0, 255 * (26 / 203) ** (1 / 2.4), 231, 255]
    assert np.ptp(found, axis=1).max() <= 2, "greys stay grey"
    assert found[:, 1] == pytest.approx(expected, abs=4)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_colours_keep_their_hue(tmp_path: Path, transfer: Transfer) -> None:
    # Light of BT.709 colours at 90 cd/m² and below, in BT.2020 (ITU-R BT.2087).
    to_bt2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    sdr = np.array([(160, 60, 50), (50, 150, 70), (60, 70, 170), (150, 140, 60)])
    light = 203 * (sdr / 255) ** 2.4 @ to_bt2020.T
    if transfer == "pq":
        signals = pq_signal(light)
    else:
        relative = light / 1000
        luminance = relative @ np.array([0.2627, 0.6780, 0.0593])
        scene = relative * luminance[:, None] ** (1 / 1.2 - 1)
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        signals = np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)
    found = shown(tmp_path / "hdr.mp4", transfer, [tuple(s) for s in signals])
    assert np.abs(found - sdr).max() <= 6


def test_wide_gamut_without_hdr_is_brought_to_bt709(tmp_path: Path) -> None:
    light = (np.array([(160, 60, 50)]) / 255) ** 2.4
    to_bt2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    coded = np.rint(255 * (light @ to_bt2020.T) ** (1 / 2.4)).astype(np.uint8)
    pictures = [np.broadcast_to(coded[0], (64, 64, 3)).copy()] * 2
    path = write_video(
        tmp_path / "wide.mp4", pictures, tags={**HDR_TAGS, "color_trc": 14}, options={"qp": "1"},
        pix_fmt="yuv444p10le", conversion=CONVERSION,
    )  # fmt: skip
    assert np.abs(read_range(open_media(path), 0, 1)[0, 32, 32].astype(int) - (160, 60, 50)).max() <= 4


def test_measurement_sees_the_mapped_picture(tmp_path: Path) -> None:
    for transfer in ("pq", "hlg"):
        path = tmp_path / f"{transfer}.mp4"
        picture = shown(path, transfer, [(s, s, s) for s in (0.0, 0.3, 0.5, WHITE_SIGNAL[transfer], 0.65, 1.0)])
        series = measure(open_media(path))
        assert series.luma_mean[0] == pytest.approx(picture[:, 1].mean(), abs=3)
