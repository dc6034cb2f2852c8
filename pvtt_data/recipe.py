"""The recipe: everything a person decides about a dataset, as one frozen tree of settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.embedders.choose import ChosenEmbedder
from pvtt_data.engines.mix import EngineShares
from pvtt_data.errors import PreflightError
from pvtt_data.judge.config import JudgeConfig
from pvtt_data.pairing.alike import AlikeLimits, measured_limits
from pvtt_data.publish.config import PublishConfig
from pvtt_data.recipe_file import load_recipe
from pvtt_data.reviews.config import ReviewConfig
from pvtt_data.shards.card.config import CardConfig
from pvtt_data.stage import StageConfig
from pvtt_data.stages.assign_split import SplitAssignmentConfig
from pvtt_data.stages.dedup import DedupConfig
from pvtt_data.stages.filter_shots import FilterConfig
from pvtt_data.stages.looks import LooksConfig
from pvtt_data.stages.mask_qc import MaskQcConfig
from pvtt_data.stages.measure import MeasureConfig
from pvtt_data.stages.mine import MineConfig
from pvtt_data.stages.normalise import NormaliseConfig
from pvtt_data.stages.pair import PairConfig
from pvtt_data.stages.pictures import PicturesConfig
from pvtt_data.stages.render import RenderConfig
from pvtt_data.stages.segment import SegmentConfig
from pvtt_data.stages.shard import ShardConfig
from pvtt_data.stages.split_shots import SplitShotsConfig
from pvtt_data.stages.synthesise import SynthesiseConfig
from pvtt_data.stages.triple_qc import TripleQcConfig


class BuildConfig(StageConfig):
    """When a build counts as failed."""

    max_fault_share: Annotated[float, Field(ge=0, le=1)] = 0.005
    """Share of a stage's rows that may fail with a fault (a defect, not bad input)."""
    max_reject: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Stage → share of its rows that it may reject."""


class Recipe(StageConfig):
    """Settings of `pvtt-data build`, in the order in which data flows."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Name of the dataset."""
    mine: MineConfig | None = None
    """Where product videos are; without it everything is rendered."""
    measure: MeasureConfig = Field(default_factory=MeasureConfig)
    split: SplitShotsConfig = Field(default_factory=SplitShotsConfig)
    filter: FilterConfig = Field(default_factory=FilterConfig)
    dedup: DedupConfig = Field(default_factory=DedupConfig)
    normalise: NormaliseConfig = Field(default_factory=NormaliseConfig)
    segment: SegmentConfig = Field(default_factory=SegmentConfig)
    mask_qc: MaskQcConfig = Field(default_factory=MaskQcConfig)
    pictures: PicturesConfig = Field(default_factory=PicturesConfig)
    assign_split: SplitAssignmentConfig = Field(default_factory=SplitAssignmentConfig)
    looks: LooksConfig = Field(default_factory=LooksConfig)
    engines: EngineShares = Field(default_factory=EngineShares)
    pair: PairConfig = Field(default_factory=PairConfig)
    synthesise: SynthesiseConfig = Field(default_factory=SynthesiseConfig)
    render: RenderConfig | None = None
    """Triples from rendered scenes; without it none are made."""
    captions: CaptionsConfig = Field(default_factory=CaptionsConfig)
    triple_qc: TripleQcConfig = Field(default_factory=TripleQcConfig)
    judge: JudgeConfig | None = None
    """A vision-language model's opinion of triples; without it none is read."""
    review: ReviewConfig = Field(default_factory=ReviewConfig)
    shards: ShardConfig = Field(default_factory=ShardConfig)
    card: CardConfig = Field(default_factory=CardConfig)
    """The page that presents the dataset."""
    publish: PublishConfig = Field(default_factory=PublishConfig)
    build: BuildConfig = Field(default_factory=BuildConfig)

    @model_validator(mode="after")
    def _makes_something(self) -> Recipe:
        if self.mine is None and self.render is None:
            raise ValueError("a recipe needs mine (videos), render (rendered scenes) or both")
        if self.mine is None and self.render is not None and self.render.count is None:
            raise ValueError("render.share is a share beside mined videos; without mine, give render.count")
        return self

    def looks_embedder(self) -> tuple[ChosenEmbedder, AlikeLimits, str]:
        """What says how alike products look in pairing, the limits for it and, in words, why it is used.

        Raises:
            PreflightError: the named one cannot be had, or there are no limits for it.
        """
        chosen, why = self.looks.chosen_embedder()
        limits = self.pair.alike_limits(measured_limits(chosen.name, chosen.weights_sha256))
        if limits is None:
            raise PreflightError(
                f"nothing was measured for {chosen.label}: set pair.max_likeness and pair.min_reference_likeness, or "
                "name another embedder"
            )
        return chosen, limits, why


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a YAML file, with ``key=value`` overrides.

    Raises:
        RecipeError: all that is wrong with it, by file, line and key.
    """
    return load_recipe(path, Recipe, overrides)
