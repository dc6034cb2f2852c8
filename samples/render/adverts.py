"""Which adverts and pictures exist: their shots, speed, shape and flaws."""

from __future__ import annotations

from dataclasses import dataclass

from pvtt_data.render.camera import CameraMove
from pvtt_data.render.cutting import Timeline
from pvtt_data.render.motion import ProductMotion
from pvtt_data.render.references import Direction

Rect = tuple[int, int, int, int]
_REST = ProductMotion()


@dataclass(frozen=True, slots=True)
class Shot:
    """A number of frames on one set.

    Attributes:
        style, set_seed: the set, of the engine's library.
        frames: how many, those in a dissolve counted in.
        move: the camera's way; its distances are relative, the product's `fill` decides.
        fill: how far from the picture's middle the product reaches at most; 1 is the frame's edge, more a close view.
        motion: the product's way.
        heading_deg: turn of the product about the vertical.
        fov_y_deg, aperture: of the lens.
        dissolve_frames: over how many frames it comes out of the shot before; 0 is a hard cut.
        hand: seed of a hand that draws back at the beginning.
    """

    style: str
    set_seed: int
    frames: int
    move: CameraMove
    fill: float = 0.8
    motion: ProductMotion = _REST
    heading_deg: float = 0.0
    fov_y_deg: float = 24.0
    aperture: float = 0.03
    dissolve_frames: int = 0
    hand: int | None = None


@dataclass(frozen=True, slots=True)
class Advert:
    """One video. letterbox: (x, y, width, height) of the picture within the frame, None for the whole."""

    product_id: str
    fps: int
    width_px: int
    height_px: int
    shots: tuple[Shot, ...]
    crf: int = 23
    fade_in_frames: int = 0
    letterbox: Rect | None = None

    @property
    def name(self) -> str:
        """Stem of its files."""
        return f"{self.product_id}_ad"

    @property
    def picture_rect(self) -> Rect:
        """(x, y, width, height) in pixels."""
        return self.letterbox or (0, 0, self.width_px, self.height_px)

    def seed(self, shot: int) -> int:
        """Of the paths and the grain of a shot."""
        return int(self.product_id[1:]) * 10 + shot

    @property
    def timeline(self) -> Timeline:
        """How the shots follow each other."""
        return Timeline(tuple(shot.frames for shot in self.shots), tuple(shot.dissolve_frames for shot in self.shots))


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
            Shot("podium", 2, 82, CameraMove("arc-push", (-12, 2), (12, 9), (1.0, 0.86), shake=0.03), 0.68),
            Shot("window", 7, 82, CameraMove("orbit", (18, -2), (8, 9), (1.0, 1.0), shake=0.06, shake_seed=2), 0.66),
            Shot("gloss", 3, 26, CameraMove("push-in", (12, 8), (8, 8), (1.0, 0.95), aim_z=(0.45, 0.45)), 1.3),
        ),
    ),
    Advert(
        "P1002",
        24,
        360,
        640,
        (
            Shot("tiled", 5, 96, CameraMove("push-in", (4, -4), (9, 12), (1.0, 0.84), shake=0.2, shake_seed=4), 0.77),
            Shot(
                "podium",
                6,
                82,
                CameraMove("push-in", (0, 0), (10, 10), (1.0, 0.95)),
                0.76,
                ProductMotion("turntable", (-35, 35)),
            ),
        ),
        fade_in_frames=12,
    ),
    Advert(
        "P2001",
        25,
        640,
        360,
        (
            Shot("tabletop", 5, 86, CameraMove("orbit", (-14, 10), (13, 10), (1.0, 1.0), aim_z=(0.35, 0.35)), 0.66),
            Shot(
                "window",
                10,
                86,
                CameraMove("dolly", (8, 8), (9, 9), (1.0, 0.94), aim_x=(0.08, -0.08), aim_z=(0.35, 0.35)),
                0.66,
            ),
        ),
    ),
    Advert(
        "P2002",
        30,
        360,
        640,
        (
            Shot("paper", 1, 102, CameraMove("crane", (6, -2), (6, 20), (1.0, 0.95), aim_z=(0.46, 0.44)), 0.69),
            Shot("tiled", 2, 33, CameraMove("orbit", (-14, -8), (14, 12), (1.0, 0.95), aim_z=(0.45, 0.45)), 1.3),
        ),
    ),
    Advert(
        "P3001",
        24,
        360,
        640,
        (
            Shot("tabletop", 8, 82, CameraMove("orbit", (-8, 14), (10, 12), (1.0, 0.96), aim_z=(0.34, 0.34)), 0.66),
            Shot(
                "lifestyle",
                4,
                82,
                CameraMove("dolly", (5, 5), (12, 12), (1.0, 1.0), aim_x=(-0.06, 0.06), aim_z=(0.34, 0.34)),
                0.72,
            ),
        ),
        letterbox=(0, 96, 360, 448),
    ),
    Advert(
        "P3002",
        24,
        360,
        640,
        (
            Shot("window", 4, 28, CameraMove("dolly", (0, 0), (10, 10), (1.0, 1.0), aim_x=(-0.05, 0.06)), 1.3),
            Shot("podium", 5, 84, CameraMove("orbit", (-16, 8), (9, 9), (1.0, 1.0)), 0.6, heading_deg=8),
            Shot(
                "tabletop",
                11,
                120,
                CameraMove("pull-out", (4, -6), (9, 12), (0.9, 1.0), shake=0.15, shake_seed=15),
                0.61,
                heading_deg=-10,
                hand=3,
            ),
        ),
    ),
    Advert(
        "P4001",
        24,
        360,
        640,
        (
            Shot("podium", 0, 82, CameraMove("arc-push", (-12, 6), (8, 12), (1.0, 0.88), shake=0.1), 0.62),
            Shot("drape", 7, 26, CameraMove("push-in", (6, 2), (12, 12), (1.0, 0.94), aim_z=(0.5, 0.5)), 1.08),
        ),
    ),
    Advert(
        "P4002",
        25,
        640,
        360,
        (
            Shot("gloss", 10, 26, CameraMove("orbit", (-6, 4), (10, 10), (1.0, 0.97), aim_z=(0.5, 0.5)), 1.5),
            Shot("podium", 11, 118, CameraMove("orbit", (-18, 12), (9, 12), (1.0, 0.94)), 0.8, dissolve_frames=12),
            Shot("drape", 6, 84, CameraMove("crane", (8, 2), (20, 8), (1.0, 1.0)), 0.8, heading_deg=-12),
        ),
    ),
)

REPOSTS: tuple[Repost, ...] = (Repost("P1001_ad", "P1001_ad_repost", 324, 576, 29, "veryfast"),)

LISTING = (Direction(-24.0, 12.0), Direction(38.0, 10.0), Direction(6.0, 38.0))
"""From where listing pictures are taken."""

TEAPOT_SHOT = Shot(
    "window", 9, 49, CameraMove("orbit", (-3, 20), (12, 10), (1.0, 0.96), aim_z=(0.3, 0.3), shake=0.04), 0.86
)
"""The clip in `samples/teapot`."""
