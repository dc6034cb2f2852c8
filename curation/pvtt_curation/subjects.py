"""What people are shown: clips, mask tracks and triples of a dataset version or of a build, rejected ones too.

A subject has the key that verdicts are given under, the content hash of what is looked at, and where its pixels lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from pvtt_curation.media import MediaRef, Whose
from pvtt_curation.neighbours import Neighbour
from pvtt_data.records import Verdict

if TYPE_CHECKING:
    from pvtt_data.recipe import Recipe
    from pvtt_data.stages.segment import SegmentConfig
    from pvtt_data.thresholds import Rule

SubjectKind = Literal["clip", "mask", "triple"]
PART_NAMES = ("triple", "mask", "mask_a", "clip", "clip_a", "source", "source_a")
"""What a verdict on a subject may mean: itself, or a part of it; those of the product put in end in ``_a``."""
ENGINES_WITHOUT_PARTS = ("render", "panzoom")
"""Engines that make target and mask themselves, so that there is no clip or mask to have another opinion of."""

_SEEN_FIRST = {"flag": 0, "reject": 1, "accept": 2}


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that a person can give a verdict on. Texts of feeds are as they came: escape them.

    Attributes:
        kind: what it is.
        key: 64 hex digits, of the pixels; see `pvtt_data.reviews.records`.
        row_id: of the clip, mask track or triple; of the pair where a triple was rejected before it became one.
        name: what a person knows it by: the path of the source and its frames, and for a triple what is put in.
        category, product: of the clip; of B for a triple.
        product_a, product_b, title_a, title_b: empty where there is none.
        engine, triple_kind, difficulty: of a triple; else empty.
        split: empty where none was dealt.
        verdict: what the build came to.
        stage: that rejected it; else empty.
        reasons: slugs, why it is flagged or rejected.
        message: the same in a sentence, of what was rejected.
        numbers: what was measured.
        rules: the thresholds that such a thing is judged by.
        prompt, source_prompt: of a triple.
        media: ``video`` of a clip; ``video`` and ``mask`` of a mask; a triple's members without their endings:
            ``source``, ``source_mask``, ``target``, ``target_mask``, ``effect_mask``, ``reference_0``, …,
            ``heldout_0``, …
        parts: of `PART_NAMES`, those that it has, itself among them → key.
        frames, width, height: of all its videos; frames and pixels.
        nearest: of other clips, the most alike first; a triple's are those of its mask of B. Empty for a version.
    """

    kind: SubjectKind
    key: str
    row_id: str
    name: str
    verdict: Verdict
    media: Mapping[str, MediaRef]
    parts: Mapping[str, str]
    fps: float
    frames: int
    width: int
    height: int
    category: str = ""
    product: str = ""
    product_a: str = ""
    product_b: str = ""
    title_a: str = ""
    title_b: str = ""
    engine: str = ""
    triple_kind: str = ""
    split: str = ""
    difficulty: str = ""
    stage: str = ""
    reasons: tuple[str, ...] = ()
    message: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    prompt: str = ""
    source_prompt: str = ""
    nearest: tuple[Neighbour, ...] = ()

    @property
    def overlays(self) -> dict[str, tuple[MediaRef, MediaRef, Whose]]:
        """Overlays that can be made, by name: ``overlay`` of the mask itself or of B in the target, and ``overlay_a``
        of A in the source → video, mask, whose mask it is."""
        wanted: tuple[tuple[str, str, str, Whose], ...] = (
            ("overlay", "video", "mask", "b"),
            ("overlay", "target", "target_mask", "b"),
            ("overlay_a", "source", "source_mask", "a"),
        )
        return {
            name: (self.media[video], self.media[mask], whose)
            for name, video, mask, whose in wanted
            if video in self.media and mask in self.media
        }

    @property
    def references(self) -> list[MediaRef]:
        """Pictures of B that a model is given."""
        return [ref for name, ref in self.media.items() if name.startswith("reference_")]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What is reviewed at one time.

    Attributes:
        name: for people, and for the field ``seen_in`` of verdicts: ``v3`` of a dataset, or a recipe.
        identity: 16 hex digits; another version or recipe has another.
        subjects: flagged first.
        notes: what a person should know.
        segment: how it was segmented, for who tries another prompt or box; None where nobody says.
        version: folder of the dataset version; None for a build.
        work: work directory of the build; None for a version.
        arbiter: the reviewer whose word decides, as the recipe has it; None for the strictest word.
        looks: mask track → what its product looks like, a vector of unit length, as far as the build knows it.
    """

    name: str
    identity: str
    subjects: tuple[Subject, ...]
    notes: tuple[str, ...] = ()
    segment: SegmentConfig | None = None
    version: Path | None = None
    work: Path | None = None
    arbiter: str | None = None
    looks: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict, compare=False, repr=False)


def part_kind(part: str) -> Literal["triple", "mask", "clip", "source"]:
    """The kind of a verdict on a part."""
    kind: Literal["triple", "mask", "clip", "source"] = part.removesuffix("_a")  # type: ignore[assignment]
    return kind


def flagged_first(subjects: Iterable[Subject]) -> list[Subject]:
    """Flagged ones with the most reasons first, then rejected, then accepted; masks before triples before clips."""
    kinds = {"mask": 0, "triple": 1, "clip": 2}
    return sorted(
        subjects,
        key=lambda s: (_SEEN_FIRST[s.verdict], kinds[s.kind], -len(s.reasons), s.name, s.row_id),
    )


def read_reviewed(what: Path, work: Path, overrides: tuple[str, ...] = ()) -> Reviewed:
    """What a person named: a dataset version's folder, or a recipe, whose latest build in ``work`` is meant.

    Raises:
        DatasetError: the version cannot be read.
        RecipeError: the recipe cannot be read.
        PreflightError: there was no build.
    """
    if what.is_dir():
        from pvtt_curation.from_version import read_version

        return read_version(what)
    from pvtt_curation.from_build import read_build
    from pvtt_data.recipe import read_recipe

    return read_build(read_recipe(what, overrides), work)


def subjects_of_version(version: Path) -> list[Subject]:
    """Triples of a dataset version, and the masks and clips that they are made of, flagged first.

    Raises:
        DatasetError: it cannot be read.
    """
    from pvtt_curation.from_version import read_version

    return list(read_version(version).subjects)


def subjects_of_work(recipe: Recipe, work: Path) -> list[Subject]:
    """Clips, mask tracks and triples of a recipe's latest build, rejected ones too as far as their pixels are there,
    flagged first.

    Raises:
        PreflightError: there was no build.
    """
    from pvtt_curation.from_build import read_build

    return list(read_build(recipe, work).subjects)
