"""Where training stands: weights, their average, the optimiser's moments and the dice, as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class Standing:
    """The state of a training, kept and restored in place, so that a captured graph goes on with it.

    Args:
        parameters: that are trained, on one device.
        average: of them; may be empty.
        optimiser: AdamW of the parameters.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], average: Sequence[Tensor], optimiser: torch.optim.AdamW
    ) -> None:
        self.parameters, self.average, self.optimiser = parameters, average, optimiser
        self.cuda = parameters[0].device.type == "cuda"

    def copy(self) -> dict[str, Tensor]:
        """A copy of all of it; moments of an optimiser that has not begun are 0."""
        found = {f"weight.{place}": value.detach().clone() for place, value in enumerate(self.parameters)}
        found |= {f"average.{place}": value.clone() for place, value in enumerate(self.average)}
        for place, value in enumerate(self.parameters):
            moments = self.optimiser.state.get(value, {})
            for name in _MOMENTS:
                empty = torch.zeros((), device=value.device) if name == "step" else torch.zeros_like(value)
                found[f"{name}.{place}"] = moments[name].clone() if name in moments else empty.detach()
        found["dice"] = torch.get_rng_state()
        if self.cuda:
            found["cuda_dice"] = torch.cuda.get_rng_state(self.parameters[0].device)
        return found

    @torch.no_grad()
    def restore(self, found: Mapping[str, Tensor]) -> None:
        """Put a copy back.

        Raises:
            KeyError: it is one of something else.
        """
        for place, value in enumerate(self.parameters):
            value.copy_(found[f"weight.{place}"])
            moments = self.optimiser.state[value]
            for name in _MOMENTS:
                kept = found[f"{name}.{place}"]
                if name in moments:
                    moments[name].copy_(kept)
                else:
                    # AdamW's own steps lie on the processor unless they are captured.
                    moments[name] = kept.clone().to(value.device if self.cuda or name != "step" else "cpu")
        for place, value in enumerate(self.average):
            value.copy_(found[f"average.{place}"])
        torch.set_rng_state(found["dice"].cpu())
        if self.cuda:
            torch.cuda.set_rng_state(found["cuda_dice"].cpu(), self.parameters[0].device)
