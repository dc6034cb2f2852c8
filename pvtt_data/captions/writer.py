"""Puts prompts into triples: what a build knows of products, clips and models' words, in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pvtt_data.captions.captioner import TASK, caption_inputs, names_product, scene_prompt
from pvtt_data.captions.compose import prompts
from pvtt_data.captions.config import CaptionsConfig
from pvtt_data.captions.product_phrase import words_for
from pvtt_data.captions.scene import SceneFacts, clip_facts
from pvtt_data.records import Answer, Clip, Triple
from pvtt_data.vlm.answers import answer_id
from pvtt_data.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from pvtt_data.stages.triple_qc import Shelf

BY_TEMPLATE = "template"


@dataclasses.dataclass(frozen=True, slots=True)
class Captioner:
    """A model whose words for scenes are at hand.

    Attributes:
        name: what its answers are kept under.
        answers: by id.
        weights: SHA-256 of a local model; empty for others.
        continues: whether it goes on with a sentence; see `pvtt_data.vlm.local`.
    """

    name: str
    answers: Mapping[str, Answer]
    weights: str = ""
    continues: bool = False


class Captions:
    """Writes the prompts of triples.

    Args:
        config: of the recipe.
        rendered: clip → what is known of its scene, for rendered clips.
        captioner: the model of the recipe, if it names one.
    """

    def __init__(
        self,
        config: CaptionsConfig,
        rendered: Mapping[str, SceneFacts] | None = None,
        captioner: Captioner | None = None,
    ) -> None:
        self.config = config
        self.captioner = captioner
        self.uncaptioned = 0
        """Triples for which a captioner is named and none of its words could be used."""
        self._rendered = rendered or {}
        self._wording = config.wording()
        self._words = words_for(load_vocabulary(), config.max_title_chars)
        self._texts: dict[str, tuple[str, str]] = {}

    def captioned(self, triple: Triple, shelf: Shelf) -> Triple:
        """The triple with both prompts."""
        clip, track = shelf.clips[triple.clip_id], shelf.tracks[triple.track_id]
        texts = [self._texts_of(product, shelf) for product in (triple.product_a, triple.product_b)]
        scene = self._scene_words(clip)
        if scene is not None and names_product(scene, *(text for pair in texts for text in pair)):
            scene = None
        self.uncaptioned += self.captioner is not None and scene is None
        made = prompts(
            triple.triple_id,
            self._words(*texts[0]),
            self._words(*texts[1]),
            self._rendered.get(clip.clip_id) or clip_facts(clip, track),
            self._wording,
            scene,
        )
        by_model = self.captioner is not None and scene is not None
        models = triple.models
        if by_model and self.captioner is not None and self.captioner.weights:
            models = tuple(sorted({*models, f"captioner@{self.captioner.weights[:12]}"}))
        return dataclasses.replace(
            triple,
            prompt=made.target,
            source_prompt=made.source,
            captioner=self.captioner.name if by_model and self.captioner is not None else BY_TEMPLATE,
            models=models,
        )

    def _scene_words(self, clip: Clip) -> str | None:
        model = self.captioner
        if model is None or self.config.captioner is None:
            return None
        inputs = caption_inputs(clip, self.config.captioner, model.continues)
        answer = model.answers.get(answer_id(TASK, scene_prompt(model.continues).name, model.name, inputs))
        return answer.values.get("scene") if answer is not None and answer.understood else None

    def _texts_of(self, product: str, shelf: Shelf) -> tuple[str, str]:
        """Title and category of a product: of its source that sorts first, as samples state them."""
        if product not in self._texts:
            for source in sorted(shelf.sources.values(), key=lambda source: source.source_id):
                self._texts.setdefault(source.product_id, (source.title, source.category))
        return self._texts[product]
