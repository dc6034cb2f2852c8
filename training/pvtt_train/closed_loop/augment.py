"""Other colours, mirrored, backwards: a few hundred renders go a long way.

What is done to a product's colour in the target is done to its references too, so that references stay true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


def hue_matrix(angle: Tensor) -> Tensor:
    """Rotation of RGB about the grey axis, ``(N, 3, 3)``: white, greys and black stay (Rodrigues' formula).

    Args:
        angle: ``(N,)``, radians.
    """
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], device=angle.device) / math.sqrt(3)
    return cosine * torch.eye(3, device=angle.device) + sine * cross + (1 - cosine) / 3


@dataclass(frozen=True, slots=True, eq=False)
class Colours:
    """Changes of colour, one for each of N products.

    Attributes:
        matrix: ``(N, 3, 3)``, turns hues and changes saturation.
        gamma: ``(N,)``, of each channel.
    """

    matrix: Tensor
    gamma: Tensor

    @classmethod
    def draw(cls, count: int, device: torch.device) -> Colours:
        """Any hue, saturation by 0.3 to 1.6, gamma by 0.55 to 1.8; one in seven products stays as it is."""
        dice = torch.rand(count, 4, device=device)
        some = (dice[:, 3] < 6 / 7).float()
        turn = hue_matrix((dice[:, 0] * 2 - 1) * math.pi * some)
        saturation = (1 + (dice[:, 1] * 1.3 - 0.7) * some)[:, None, None]
        grey = torch.full((3, 3), 1 / 3, device=device)
        fade = saturation * torch.eye(3, device=device) + (1 - saturation) * grey
        return cls(fade @ turn, torch.exp((dice[:, 2] * 2 - 1) * 0.6 * some))

    def each(self, times: int) -> Colours:
        """Every change so many times in a row, for several pictures of each product."""
        return Colours(self.matrix.repeat_interleave(times, dim=0), self.gamma.repeat_interleave(times, dim=0))


def recolour(light: Tensor, where: Tensor, colours: Colours) -> Tensor:
    """``(N, 3, ...)`` in [0, 1] with the colours of some pixels changed.

    Args:
        where: ``(N, 1, ...)``, 1 where colours change.
    """
    changed = torch.bmm(colours.matrix, light.flatten(2)).clamp_(1e-4, 1)
    changed = changed.pow_(colours.gamma[:, None, None]).view_as(light)
    return torch.lerp(light, changed, where)


def moved(tensor: Tensor) -> Tensor:
    """``(N, C, T, H, W)``, a quarter of the batch as it is, one mirrored, one backwards, one both.

    Rows of a batch are drawn at random, so their places may decide.
    """
    mirrored, backwards = len(tensor) // 2, len(tensor) // 4
    tensor = torch.cat([tensor[:mirrored].flip(-1), tensor[mirrored:]])
    first, second, third = tensor[:backwards], tensor[backwards : mirrored + backwards], tensor[mirrored + backwards :]
    return torch.cat([first.flip(2), second, third.flip(2)])
