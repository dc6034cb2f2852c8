"""How a video is covered with runs of a picture model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PropagationConfig:
    """How a video is covered with model runs and when a track counts as lost.

    Attributes:
        find_every: largest distance in frames between whole-frame keyframes; half of it where these do not agree.
        refine_every: distance in frames from which neighbouring cut-out keyframes need agree less.
        refine_finest: distance in frames from which they need not agree.
        min_consensus: smallest soft IoU of what neighbouring keyframes say about the frames between them, below which
            a frame between them is asked too.
        min_near_consensus: the same for those that are no further apart than ``refine_every``.
        crop_margin: margin around the product in a cut-out, as a share of its longer side.
        wide_margin: the same of a wider cut-out, where a second answer is wanted.
        min_completed: soft IoU with the wider cut-out from which the product is whole as it was found, and from which
            two cut-outs agree on something larger.
        min_agreement: soft IoU from which an answer and what flow carries there are the same object.
        max_gap: largest number of frames between accepted keyframes around a refused one, or without one at the ends
            of the clip, in multiples of ``refine_every``.
        min_accepted_share: smallest share of the whole frames that must show anything, of those that must show the same
            object, and of the cut-outs that must show it again.
        max_area_share: a product larger than this share of the frame is no product but the whole picture.
        find_margin: how far beyond the carried object a whole-frame answer may claim pixels, as a share of √area.
        refine_margin: the same for the answer on a cut-out.
        neighbour_weight: weight of a neighbouring keyframe against a keyframe's own answer.
        edge_radius_px: radius of the guided filter for frames with a short side of 480 px.
        edge_epsilon: regularisation of the guided filter, in squared luma of [0, 1].
    """

    find_every: int = 24
    refine_every: int = 8
    refine_finest: int = 3
    min_consensus: float = 0.95
    min_near_consensus: float = 0.75
    crop_margin: float = 0.25
    wide_margin: float = 0.5
    min_completed: float = 0.85
    min_agreement: float = 0.5
    max_gap: float = 2.0
    min_accepted_share: float = 0.6
    max_area_share: float = 0.9
    find_margin: float = 0.1
    refine_margin: float = 0.2
    neighbour_weight: float = 0.5
    edge_radius_px: int = 3
    edge_epsilon: float = 1e-4
