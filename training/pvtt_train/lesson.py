"""One training example as latents: what a loader gives, what a step learns from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """B examples of one size and number of references. Latents come normalised as the VAE gives them.

    Attributes:
        keys: of the samples.
        clean: ``(B, C, R + T', h, w)``, the references' latents and then the target's.
        context: ``(B, 2C + 64, R + T', h, w)``, the VACE context.
        weights: ``(B, 1, R + T', h, w)`` float32, of each place in the loss; 0 for references.
        text: ``(B, L, D)``, text embeddings padded with zeros to the length the model takes.
        contents: of the reactive stream, for the log.
    """

    keys: tuple[str, ...]
    clean: Tensor
    context: Tensor
    weights: Tensor
    text: Tensor
    contents: tuple[str, ...]

    def to(self, device: torch.device, dtype: torch.dtype) -> Lesson:
        """The same on a device; all but the weights in a precision."""
        names = ("clean", "context", "text")
        # First the copy, then the change of precision: in one call, the processor would do the latter and wait.
        moved = {name: getattr(self, name).to(device, non_blocking=True).to(dtype) for name in names}
        return replace(self, weights=self.weights.to(device, non_blocking=True), **moved)
