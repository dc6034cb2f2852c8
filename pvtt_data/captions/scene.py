"""What is known of a clip besides its product, in words that hold for source and target alike.

Only what was measured or made so is said. Of a real clip that is how large the product is, whether it is dark or
bright, and whether anything moves; of a rendered one the set, the camera and the product's motion, because they were
drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pvtt_data.records import Clip, MaskTrack, Rendered

CLOSE_AREA = 0.25
"""A product that covers as much of the frame, median over the clip, is seen close up; B is measured, A is 0.5 to 2
times as large."""
WIDE_AREA = 0.02
"""One that covers no more is seen from afar."""
DARK_LUMA = 60.0
"""Mean of the whole picture, 0 to 255: a dark picture."""
BRIGHT_LUMA = 190.0
STILL_PX_PER_S = 2.0
"""Mean length of the optical flow at 240 px, up to which neither camera nor product moves to speak of."""

_SETS: Mapping[str, tuple[str, ...]] = {
    "paper": ("on seamless studio paper", "in front of a plain studio backdrop"),
    "podium": ("on a podium in a studio", "on a display podium"),
    "tabletop": ("on a table with props", "on a table in front of a wall"),
    "shelf": ("on a shelf", "on a shelf with other things"),
    "window": ("in sunlight from a window", "in window light with shadows on the wall"),
    "tiled": ("on a worktop in front of tiles", "in front of a tiled wall"),
    "gloss": ("on a dark glossy surface", "on a glossy dark table"),
    "lifestyle": ("on a table with a blurred background", "on a table, the background out of focus"),
    "drape": ("on draped cloth", "in front of draped fabric"),
}
_CAMERAS: Mapping[str, tuple[str, ...]] = {
    "static": ("static camera", "the camera does not move"),
    "orbit": ("the camera orbits", "orbiting camera"),
    "push-in": ("the camera moves in", "slow push-in"),
    "pull-out": ("the camera moves back", "slow pull-out"),
    "dolly": ("the camera glides sideways", "sideways dolly shot"),
    "crane": ("the camera moves up or down", "crane shot"),
    "arc-push": ("the camera moves in on an arc", "arcing push-in"),
}
_MOTIONS: Mapping[str, tuple[str, ...]] = {
    "turntable": ("turning on a turntable", "slowly rotating"),
    "spin": ("spinning in the air", "hovering and turning"),
    "tumble": ("tumbling in the air", "rolling over in the air"),
    "lift": ("lifted and put down again", "rising and coming down again"),
    "slide": ("sliding into place", "sliding into its place"),
}


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """Facts in words: for each fact the ways to say it; a fact that is not known is missing.

    Attributes:
        facts: name → phrasings. They follow a noun after a comma: "a mug, close-up, static camera".
    """

    facts: tuple[tuple[str, tuple[str, ...]], ...] = ()


def clip_facts(clip: Clip, track: MaskTrack) -> SceneFacts:
    """What numbers of a real clip and of B's mask tell."""
    found: list[tuple[str, tuple[str, ...]]] = []
    area = track.numbers.get("area_share_median")
    if area is not None and area >= CLOSE_AREA:
        found.append(("scale", ("close-up", "close-up shot")))
    elif area is not None and area <= WIDE_AREA:
        found.append(("scale", ("small in the frame", "seen from a distance")))
    luma = clip.numbers.get("luma")
    if luma is not None and luma <= DARK_LUMA:
        found.append(("light", ("dark picture", "low-key light")))
    elif luma is not None and luma >= BRIGHT_LUMA:
        found.append(("light", ("bright picture", "high-key light")))
    if clip.numbers.get("motion_px_per_s", STILL_PX_PER_S + 1) <= STILL_PX_PER_S:
        found.append(("camera", ("static camera", "the camera does not move")))
    return SceneFacts(tuple(found))


def render_facts(render: Rendered) -> SceneFacts:
    """What was drawn for a rendered scene; the product motion "rest" is not worth a word."""
    named = (("setting", _SETS, render.style), ("motion", _MOTIONS, render.motion), ("camera", _CAMERAS, render.camera))
    return SceneFacts(tuple((name, words[value]) for name, words, value in named if value in words))


def known_words() -> dict[str, set[str]]:
    """Set styles, camera moves and product motions that there are words for."""
    return {"setting": set(_SETS), "camera": set(_CAMERAS), "motion": set(_MOTIONS) | {"rest"}}
