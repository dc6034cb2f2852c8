"""Sizes of the experiment, and its arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pvtt_data.vace.reactive import CONTENTS_BY_ENGINE, Contents
from pvtt_train.closed_loop.fit import Course
from pvtt_train.closed_loop.model import ModelSize
from pvtt_train.closed_loop.pool import Items, Shown, items
from pvtt_train.flow import FlowConfig

FLOW = FlowConfig(shift=3.0)
"""All noise levels count the same: the scheduler's own weights are zero at pure noise, from where sampling starts,
which only a model that has learnt it before can afford."""
SWAPPED: Contents = CONTENTS_BY_ENGINE["render"]
"""Shares of reactive contents of swapped pairs: those of `pvtt_data.vace.reactive.CONTENTS_BY_ENGINE`."""
GREY: Contents = {"grey": 1.0}
SOURCE: Contents = {"source": 1.0}

Arm = Literal["swapped", "self", "grey", "shuffled", "composite", "motion"]
ARMS: tuple[Arm, ...] = ("swapped", "self", "grey", "shuffled", "composite")
"""Those that are compared: equal steps, batches and adapters."""
TOLD: Mapping[str, str] = {
    "pretrained": "pretrained only",
    "swapped": "swapped pairs",
    "self": "self-reconstruction, same reactive and mask mix",
    "grey": "self-reconstruction, grey only",
    "shuffled": "swapped pairs, references shuffled",
    "composite": "composited sources only",
    "motion": "swapped pairs, pose mostly hidden, four times the steps",
}


@dataclass(frozen=True, slots=True)
class Teaching:
    """How an arm is taught otherwise than the rest.

    Attributes:
        longer: so many times the steps.
        on_dit: whether the DiT gets adapters whatever the setup says.
        hiding: share of the examples in which the mask stays for the whole clip, so that only the reactive stream tells
            where A is and how it stands.
    """

    longer: int = 1
    on_dit: bool = False
    hiding: float = 0.0


USUAL = Teaching()
TEACHING: Mapping[Arm, Teaching] = {"motion": Teaching(longer=4, on_dit=True, hiding=0.6)}
"""Arms beside those that are compared. ``motion`` asks whether A's motion is learnt where it has to be."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One size of the experiment.

    Attributes:
        model: dimensions of the tiny model.
        channels, codec_width: of the autoencoder.
        latent_noise: on latents while the autoencoder is trained, in deviations of a channel: what is decoded later is
            no closer to the truth than that.
        codec, pretraining, adapting: how each is trained.
        codec_batch, batch, adapting_batch: clips in a batch.
        rank: of the adapters.
        on_dit: whether the DiT gets adapters too, beside the VACE blocks.
        rebuild_share: share of pretraining that rebuilds the reactive stream; half of it without a reference. The rest
            has grey in it and a reference to follow.
        dropout: share of examples whose references are left out.
        guidances: of which the one is taken that scores best on products of the training.
        sample_steps: steps of sampling.
        cases: held-out cases that are judged, at most.
        shown: how triples are shown.
        compiled: whether the costly parts of a step are compiled.
    """

    model: ModelSize
    channels: int
    codec_width: int
    latent_noise: float
    codec: Course
    codec_batch: int
    pretraining: Course
    batch: int
    adapting: Course
    adapting_batch: int
    rank: int
    on_dit: bool
    rebuild_share: float
    dropout: float
    guidances: tuple[float, ...]
    sample_steps: int
    cases: int
    shown: Shown
    compiled: bool = False

    def scaled(self, share: float) -> Setup:
        """The same with so much of all steps."""

        def course(whole: Course) -> Course:
            return replace(whole, steps=max(1, round(whole.steps * share)))

        return replace(
            self,
            codec=course(self.codec),
            pretraining=course(self.pretraining),
            adapting=course(self.adapting),
        )


SETUPS: Mapping[str, Setup] = {
    # One H100, less than 25 minutes for all.
    "gpu": Setup(
        model=ModelSize(dim=256, layers=8, vace_every=2),
        channels=32,
        codec_width=128,
        latent_noise=0.2,
        codec=Course(steps=1500, rate=1e-3, keep=0.995),
        codec_batch=24,
        pretraining=Course(steps=15000, rate=8e-4, warm=300, keep=0.9995),
        batch=32,
        adapting=Course(steps=1000, rate=1e-3),
        adapting_batch=32,
        rank=32,
        on_dit=False,
        rebuild_share=0.2,
        dropout=0.1,
        guidances=(1.0, 1.5, 2.0, 3.0),
        sample_steps=16,
        cases=72,
        shown=Shown(variants=6),
        compiled=True,
    ),
    # Two processors, some minutes; only the signs of the scores mean something.
    "cpu": Setup(
        model=ModelSize(dim=96, layers=4, vace_every=2, patch=2),
        channels=16,
        codec_width=32,
        latent_noise=0.2,
        codec=Course(steps=700, rate=2e-3, keep=0.98),
        codec_batch=8,
        pretraining=Course(steps=1800, rate=1.5e-3, warm=100, keep=0.99),
        batch=16,
        adapting=Course(steps=400, rate=3e-3),
        adapting_batch=16,
        rank=16,
        on_dit=True,
        rebuild_share=0.3,
        dropout=0.1,
        guidances=(1.0, 2.0),
        sample_steps=8,
        cases=24,
        shown=Shown(variants=3, shrink=2, frames=5),
    ),
    # Seconds: whether everything runs.
    "smoke": Setup(
        model=ModelSize(dim=32, layers=2, vace_every=1),
        channels=8,
        codec_width=8,
        latent_noise=0.2,
        codec=Course(steps=3, rate=1e-3, keep=0.5),
        codec_batch=2,
        pretraining=Course(steps=3, rate=1e-3, keep=0.5),
        batch=2,
        adapting=Course(steps=2, rate=1e-3),
        adapting_batch=2,
        rank=4,
        on_dit=False,
        rebuild_share=0.5,
        dropout=0.1,
        guidances=(1.0, 2.0),
        sample_steps=2,
        cases=2,
        shown=Shown(variants=2, shrink=2, frames=5),
    ),
}


def rebuilding_items(triples: int) -> Items:
    """Pretraining, first part: to rebuild what the reactive stream shows; A without a reference, B with its own."""
    each = list(range(triples))
    a, b = [2 * i for i in each], [2 * i + 1 for i in each]
    return items(a, a, a, [-1 for _ in each], SOURCE) + items(b, b, b, each, SOURCE)


def following_items(triples: int) -> Items:
    """Pretraining, second part: to follow references where the reactive stream is grey. No conflict is ever shown.

    Half of the masks were made for another product, as they are when a product is swapped: a model that has only seen
    masks of B fills whatever mask it is given with B.
    """
    each = list(range(triples))
    a, b = [2 * i for i in each], [2 * i + 1 for i in each]
    return items(b, b, b, each, GREY) + items(b, b, a, each, GREY)


def arm_items(arm: Arm, triples: int, composite_of: Sequence[int], shuffled: Sequence[int]) -> Items:
    """What an arm learns from.

    Args:
        triples: how many the pool has.
        composite_of: of each composited source in the pool, the place of its triple.
        shuffled: an order of the triples in which none stays in its place.
    """
    each = list(range(triples))
    a, b = [2 * i for i in each], [2 * i + 1 for i in each]
    match arm:
        case "swapped":
            return items(a, b, a, each, SWAPPED)
        case "motion":
            return items(a, b, a, each, SOURCE)
        case "self":
            return items(b, b, b, each, SWAPPED)
        case "grey":
            return items(b, b, b, each, GREY)
        case "shuffled":
            return items(a, b, a, shuffled, SWAPPED)
        case "composite":
            made = [2 * triples + number for number in range(len(composite_of))]
            return items(made, [b[i] for i in composite_of], made, composite_of, SWAPPED)
