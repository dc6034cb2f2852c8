"""What a model makes of held-out cases, and how it scores."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pvtt_eval.calibrate import calibrate
from pvtt_eval.case import RenderedCase, Row, score_case
from torch import Tensor

from pvtt_data.embedders.colour_shape import ColourShape
from pvtt_data.embedders.likeness import Gate
from pvtt_data.vace.context import from_unit, to_unit
from pvtt_data.vace.latents import widen
from pvtt_data.vace.mask_policies import evaluation_mask
from pvtt_data.vace.reactive import reactive_content
from pvtt_train.closed_loop.batch import give
from pvtt_train.closed_loop.codec import TinyCodec
from pvtt_train.closed_loop.pool import MASKS, prepared
from pvtt_train.flow import Flow, Velocity

LEAST_GATE_CASES = 20
Mask = Literal["deployable", "hiding"]
Videos = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Question:
    """How held-out cases are put to a model.

    Attributes:
        mask: ``deployable``: A's box with room around; ``hiding``: one box for the whole clip, which tells nothing of
            where A is and how it stands. Neither looks at B.
        content: ``source`` or ``grey``, of the reactive stream.
        own: B's own video is given in place of A's (to see that nothing was forgotten).
    """

    mask: Mask = "deployable"
    content: Literal["source", "grey"] = "source"
    own: bool = False

    @property
    def name(self) -> str:
        """A short name, such as ``deployable-source``."""
        return f"{self.mask}-{self.content}" + ("-own" if self.own else "")


def conditioning_mask(question: Question, mask_a: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """M of a case, ``(T, H, W) bool``, from the mask of what the given video shows."""
    if question.mask == "deployable":
        return widen(evaluation_mask("bbox_margin", mask_a, MASKS))
    whole = np.broadcast_to(mask_a.any(axis=0), mask_a.shape).copy()
    return widen(evaluation_mask("bbox_margin", whole, MASKS))


def as_asked(case: RenderedCase, question: Question) -> RenderedCase:
    """The case with the mask, and where asked for the video, of a question."""
    if question.own:
        case = replace(case, source=case.target, source_mask=case.target_mask, product_a=case.product_b)
    return replace(case, conditioning_mask=conditioning_mask(question, case.source_mask))


@torch.no_grad()
def generate(
    velocity: Velocity,
    codec: TinyCodec,
    flow: Flow,
    cases: Sequence[RenderedCase],
    question: Question,
    pictures: int,
    steps: int,
    seed: int,
    guidance: float = 1.0,
    batch: int = 32,
) -> Videos:
    """Results ``(N, T, H, W, 3) uint8`` of cases that were put through `as_asked`, from noise of a seed.

    No mask of B, and nothing of the target, is looked at.

    Args:
        guidance: how far to go from what the model says without references to what it says with them, and beyond:
            1 is what it says with them (classifier-free guidance, Ho and Salimans 2022, arXiv:2207.12598).
    """
    device = flow.sigmas.device
    noise_of = torch.Generator().manual_seed(seed)

    def stack(arrays: Sequence[NDArray[np.uint8]]) -> Tensor:
        return to_unit(torch.from_numpy(np.stack(arrays)).to(device))

    made = []
    for start in range(0, len(cases), batch):
        some = cases[start : start + batch]
        source = stack([case.source for case in some])
        mask = torch.from_numpy(np.stack([case.conditioning_mask for case in some])).to(device).unsqueeze(1).float()
        shown = stack([prepared(case.references, pictures, case.source.shape[1:3])[:, None] for case in some])
        content = reactive_content(question.content, source)
        _, context = give(source, mask, content, shown, codec)
        said = velocity
        if guidance != 1.0:
            _, without = give(source, mask, content, torch.ones_like(shown), codec)
            said = guided(velocity, without, guidance)
        noise = torch.randn((len(some), codec.channels, *context.shape[2:]), generator=noise_of).to(device)
        latents = flow.sample(said, noise, context, steps)
        made.append(from_unit(codec.decode(latents[:, :, pictures:].float())).cpu().numpy())
    return np.concatenate(made)


def guided(velocity: Velocity, without: Tensor, guidance: float) -> Velocity:
    """The model's velocity, led away from what it says of a context without references."""

    def say(latents: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        both = velocity(latents.repeat(2, 1, 1, 1, 1), timestep.repeat(2), torch.cat([context, without]))
        shown, blank = both.chunk(2)
        return torch.lerp(blank, shown, guidance)

    return say


@torch.no_grad()
def round_trip(codec: TinyCodec, videos: Sequence[Videos], device: torch.device, batch: int = 32) -> Videos:
    """Videos through the codec and back, ``(N, T, H, W, 3) uint8``: nothing can score better."""
    made = []
    for start in range(0, len(videos), batch):
        pixels = to_unit(torch.from_numpy(np.stack(videos[start : start + batch])).to(device))
        made.append(from_unit(codec.decode(codec.encode(pixels)).float()).cpu().numpy())
    return np.concatenate(made)


class Scorer:
    """Scores results in other processes while a GPU goes on.

    Args:
        processes: see `pvtt_data.process_pool.single_threaded_pool`.
    """

    def __init__(self, processes: Executor) -> None:
        self._pool = processes
        self._fitting: Future[Gate] | None = None

    def fit_gate(self, cases: Sequence[RenderedCase]) -> None:
        """Begin to measure, on training cases, how alike two pictures of one product are to the embedder.

        Cases in which A and B are as alike as that have no RSD. Under `LEAST_GATE_CASES` there is no gate.
        """
        if len(cases) >= LEAST_GATE_CASES:
            self._fitting = self._pool.submit(_gate, list(cases))

    @cached_property
    def gate(self) -> Gate | None:
        """What `fit_gate` found; waits for it."""
        return self._fitting.result() if self._fitting else None

    def score(self, cases: Sequence[RenderedCase], results: Videos) -> list[Future[Row]]:
        """`pvtt_eval.score_case` of each case and its result, in their order."""
        pairs = zip(cases, results, strict=True)
        return [self._pool.submit(_score, case, result, self.gate) for case, result in pairs]


def _gate(cases: Sequence[RenderedCase]) -> Gate:
    return calibrate(cases, ColourShape()).gate


def _score(case: RenderedCase, result: Videos, gate: Gate | None) -> Row:
    return score_case(case, result, ColourShape(), gate=gate)
