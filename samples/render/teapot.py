"""One clip in the folders that training scripts read: numbered frames, numbered masks, reference pictures."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pvtt_data.render.filming import Quality, record
from pvtt_data.render.packshots import packshots
from pvtt_data.render.references import Direction
from samples.render.adverts import TEAPOT_SHOT
from samples.render.articles import TEAPOT
from samples.render.cutting import binary
from samples.render.staging import stage_shot

WIDTH_PX, HEIGHT_PX, FPS = 480, 848, 16
SEED = 90010
_REFERENCES = (Direction(-40.0, 12.0), Direction(35.0, 30.0), Direction(150.0, 14.0), Direction(-80.0, 6.0))
_FRAME_QUALITY = 80
_PICTURE_QUALITY = 88


def write_teapot(folder: Path, quality: Quality) -> None:
    """``video_frames/00000.jpg``..., ``masks/00000.png``... (0 or 255) and ``reference_images/00000.jpg``..."""
    product = TEAPOT.build()
    footage = record(*stage_shot(TEAPOT_SHOT, TEAPOT, WIDTH_PX, HEIGHT_PX, FPS, SEED), quality)
    for name in ("video_frames", "masks", "reference_images"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, (frame, mask) in enumerate(zip(footage.frames, binary(footage.coverage), strict=True)):
        Image.fromarray(frame).save(
            folder / "video_frames" / f"{number:05d}.jpg", quality=_FRAME_QUALITY, optimize=True
        )
        Image.fromarray(mask).save(folder / "masks" / f"{number:05d}.png", optimize=True)
    for number, picture in enumerate(packshots(product, _REFERENCES, quality, SEED)):
        path = folder / "reference_images" / f"{number:05d}.jpg"
        Image.fromarray(picture).save(path, quality=_PICTURE_QUALITY, subsampling=0, optimize=True)
