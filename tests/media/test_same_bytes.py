"""Processors with and without vector instructions write the same bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from made_videos import write_video

# Run once as it is and once with FFmpeg, OpenCV and NumPy told to forget what this processor can do.
SCRIPT = """
import ctypes, sys
from pathlib import Path
import av

if "plain" in sys.argv:
    libraries = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libavutil" in line}
    libavutil = ctypes.CDLL(libraries.pop())
    libavutil.av_force_cpu_flags(0)
    assert libavutil.av_get_cpu_flags() == 0

from pvtt_data.images import write_png
from pvtt_data.media import decode_video, encode_clip, encode_masks, open_media, read_clip
from pvtt_data.records import Rectangle
from pvtt_data.series import measure, to_parquet

source, out = Path(sys.argv[1]), Path(sys.argv[2])
media = open_media(source)
clip = read_clip(media, 0, 12, 16, 6, Rectangle(3, 5, 301, 170), (208, 112))
encode_clip(clip, 16, out / "clip.mp4")
encode_masks(clip[..., 0] > 128, 16, out / "mask.mp4")
(out / "clip.raw").write_bytes(clip.tobytes())
(out / "decoded.raw").write_bytes(decode_video(out / "clip.mp4").tobytes())
(out / "picture.png").write_bytes(write_png(clip[0]))
(out / "series.parquet").write_bytes(to_parquet(measure(media)))
"""
OLDER = {
    "OPENCV_CPU_DISABLE": "AVX2,AVX,FP16,AVX512-SKX",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
}


def digests(source: Path, out: Path, *arguments: str, environment: dict[str, str]) -> dict[str, str]:
    out.mkdir()
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(source), str(out), *arguments],
        check=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


def test_vector_instructions_change_no_byte(tmp_path: Path) -> None:
    y, x = np.mgrid[:182, :322]
    grain = np.random.default_rng(0).normal(0, 12, (182, 322, 3))
    pictures = [
        (128 + 80 * np.sin((x + 5 * t) / 11)[..., None] * np.cos(y / [[[7]], [[9]], [[13]]]).transpose(1, 2, 0) + grain)
        .clip(0, 255)
        .astype(np.uint8)
        for t in range(14)
    ]
    source = write_video(tmp_path / "source.mp4", pictures, rate=Fraction(30000, 1001), options={"crf": "10"})
    vectors = digests(source, tmp_path / "vectors", environment={})
    plain = digests(source, tmp_path / "plain", "plain", environment=OLDER)
    assert len(vectors) == 6
    assert plain == vectors
