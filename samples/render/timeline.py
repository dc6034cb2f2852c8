"""Which adverts exist: their shots, speed, shape and flaws, and the views of the listing pictures."""

from __future__ import annotations

from dataclasses import dataclass

from samples.render.camera import CameraMove

Rect = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Shot:
    """A number of frames on one set. detail: a close view that need not show the whole product."""

    set_name: str
    frames: int
    camera: CameraMove
    product_yaw_deg: float = 0.0
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Advert:
    """One video. letterbox: (x, y, width, height) of the picture within the frame, else None for the whole."""

    product_id: str
    fps: int
    width_px: int
    height_px: int
    shots: tuple[Shot, ...]
    crf: int = 22
    fade_in_frames: int = 0
    letterbox: Rect | None = None

    @property
    def name(self) -> str:
        return f"{self.product_id}_ad"

    @property
    def picture_rect(self) -> Rect:
        """(x, y, width, height) in pixels."""
        return self.letterbox or (0, 0, self.width_px, self.height_px)

    @property
    def frame_count(self) -> int:
        return sum(shot.frames for shot in self.shots)

    @property
    def cuts(self) -> list[int]:
        """The first frame of every shot but the first, counted from 0."""
        starts = []
        total = 0
        for shot in self.shots[:-1]:
            total += shot.frames
            starts.append(total)
        return starts


@dataclass(frozen=True, slots=True)
class Repost:
    """The same advert, smaller and encoded once more."""

    original: str
    name: str
    width_px: int
    height_px: int
    crf: int
    preset: str


ADVERTS: tuple[Advert, ...] = (
    Advert(
        "P1001",
        24,
        360,
        640,
        (
            Shot("paper-sand", 82, CameraMove((-6, 4), (11, 8), (5.0, 4.0), aim_z=(0.50, 0.47), seed=1)),
            Shot("window-cool", 82, CameraMove((9, -6), (7, 9), (4.5, 4.5), aim_z=(0.50, 0.50), seed=2)),
            Shot("gloss-teal", 26, CameraMove((12, 6), (6, 6), (2.3, 2.2), aim_z=(0.55, 0.68), seed=3), 0, True),
        ),
    ),
    Advert(
        "P1002",
        24,
        360,
        640,
        (
            Shot("kitchen-blue", 96, CameraMove((4, -4), (9, 12), (5.2, 4.2), aim_z=(0.55, 0.46), seed=4)),
            Shot("studio-coral", 82, CameraMove((-7, 7), (10, 10), (4.6, 4.6), aim_x=(0.08, -0.05), seed=5)),
        ),
        fade_in_frames=12,
    ),
    Advert(
        "P2001",
        25,
        640,
        360,
        (
            Shot("stone-green", 86, CameraMove((-8, 6), (13, 10), (3.7, 3.7), aim_z=(0.38, 0.36), seed=6)),
            Shot("window-warm", 86, CameraMove((4, 4), (9, 9), (3.9, 3.4), (0.16, -0.10), (0.42, 0.40), seed=7)),
        ),
    ),
    Advert(
        "P2002",
        30,
        360,
        640,
        (
            Shot("paper-lilac", 102, CameraMove((6, -6), (9, 9), (4.6, 4.2), aim_z=(0.50, 0.46), seed=8)),
            Shot(
                "kitchen-green", 33, CameraMove((-14, -10), (14, 12), (2.4, 2.2), aim_z=(0.62, 0.55), seed=9), 0, True
            ),
        ),
    ),
    Advert(
        "P3001",
        24,
        360,
        640,
        (
            Shot("gloss-blue", 82, CameraMove((-5, 6), (8, 8), (3.9, 3.5), aim_z=(0.44, 0.42), seed=11)),
            Shot("studio-sky", 82, CameraMove((5, 5), (12, 12), (3.9, 3.9), (-0.14, 0.14), (0.44, 0.44), seed=12)),
        ),
        letterbox=(0, 96, 360, 448),
    ),
    Advert(
        "P3002",
        24,
        360,
        640,
        (
            Shot("stone-dark", 28, CameraMove((18, 12), (10, 10), (2.2, 2.3), aim_z=(0.40, 0.50), seed=13), 0, True),
            Shot("paper-mint", 84, CameraMove((-10, 6), (9, 9), (4.4, 4.4), aim_z=(0.44, 0.44), seed=14), 8),
            Shot("window-warm", 82, CameraMove((4, 1), (10, 7), (4.8, 4.0), aim_z=(0.50, 0.42), seed=15), -10),
        ),
    ),
)

REPOSTS: tuple[Repost, ...] = (Repost("P1001_ad", "P1001_ad_repost", 324, 576, 29, "veryfast"),)

LISTING_SIZE_PX = 560
LISTING_VIEWS: tuple[CameraMove, ...] = tuple(
    CameraMove(
        (azimuth, azimuth), (elevation, elevation), (distance, distance), aim_z=(0.0, 0.0), aperture=0.0, sway=0.0
    )
    for azimuth, elevation, distance in ((34.0, 14.0, 3.3), (-43.0, 8.0, 3.3), (5.0, 36.0, 3.5))
)
