"""The thresholds that masks and triples are judged by, so that a person sees how far a number is from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pvtt_data.embedders.choose import ChosenEmbedder
from pvtt_data.errors import PreflightError
from pvtt_data.stages import mask_qc, triple_qc
from pvtt_data.stages.mask_qc import MaskQcConfig
from pvtt_data.stages.triple_qc import TripleQcConfig

if TYPE_CHECKING:
    from pvtt_data.recipe import Recipe
    from pvtt_data.shards import Manifest
    from pvtt_data.thresholds import Rule

_NO_EMBEDDER = ChosenEmbedder("", "none", "0" * 64)


class Rulebook:
    """Thresholds by kind of subject.

    Args:
        masks, triples: the settings of both stages.
        embedder: that measured likenesses.
    """

    def __init__(self, masks: MaskQcConfig, triples: TripleQcConfig, embedder: ChosenEmbedder) -> None:
        self._masks = tuple(mask_qc.rules(masks))
        self._config, self._embedder = triples, embedder
        self._triples: dict[tuple[str, str, str], tuple[Rule, ...]] = {}

    @classmethod
    def of_recipe(cls, recipe: Recipe, notes: list[str]) -> Rulebook:
        """The thresholds of a recipe; without those of likenesses where its embedder cannot be had here."""
        try:
            embedder = recipe.triple_qc.chosen_embedder()[0]
        except PreflightError as error:
            notes.append(f"thresholds of likenesses are not shown: {error}")
            embedder = _NO_EMBEDDER
        return cls(recipe.mask_qc, recipe.triple_qc, embedder)

    @classmethod
    def of_manifest(cls, manifest: Manifest, notes: list[str]) -> Rulebook:
        """The thresholds that a version was built with; a calibration of its own is known by its digest alone."""
        from pvtt_data.calibration.file import read_calibration
        from pvtt_data.calibration.triple_file import read_triple_calibrations
        from pvtt_data.triple_report.built import config_of, embedder_of

        settings = manifest.recipe
        known = {"mask_qc": read_calibration(None).digest, "triple_qc": read_triple_calibrations(None).digest}
        for stage, digest in known.items():
            section = settings.get(stage)
            used = section.get("calibration") if isinstance(section, Mapping) else None
            if used not in (None, digest):
                notes.append(f"built with another {stage} calibration ({str(used)[:12]}) than the package's shown here")
        return cls(
            _mask_config(settings.get("mask_qc")), config_of(settings.get("triple_qc")), embedder_of(manifest.weights)
        )

    def of_mask(self) -> tuple[Rule, ...]:
        """Thresholds of mask tracks."""
        return self._masks

    def of_triple(self, kind: str, engine: str, category: str) -> tuple[Rule, ...]:
        """Thresholds of triples of a kind from an engine, B of a category."""
        asked = (kind, engine, category)
        if asked not in self._triples:
            self._triples[asked] = tuple(triple_qc.rules(self._config, kind, engine, category, self._embedder))
        return self._triples[asked]


def _mask_config(plain: Any) -> MaskQcConfig:
    """The settings that a manifest holds; what it does not know stays as it is by default."""
    if not isinstance(plain, Mapping):
        return MaskQcConfig()
    known = set(MaskQcConfig.model_fields) - {"calibration"}
    try:
        return MaskQcConfig.model_validate({name: value for name, value in plain.items() if name in known})
    except ValidationError:
        return MaskQcConfig()
