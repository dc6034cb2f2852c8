"""Other colours, nearer, stretched, mirrored, backwards: a few hundred renders go a long way.

What is done to a product's colour and shape in the target is done to its references too, so that they stay true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


def hue_matrix(angle: Tensor) -> Tensor:
    """Rotation of RGB about the grey axis, ``(N, 3, 3)``: white, greys and black stay (Rodrigues' formula).

    Args:
        angle: ``(N,)``, radians.
    """
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    same = torch.eye(3, device=angle.device)
    turned = same.roll(1, 0)
    cross = (turned - turned.T) / math.sqrt(3)
    return cosine * same + sine * cross + (1 - cosine) / 3


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


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """The part of each of N frames that becomes the whole frame.

    Attributes:
        scale: ``(N, 2)``, width and height of the part as shares of the frame's.
        middle: ``(N, 2)``, x and y of its middle, from -1 to 1 of the frame.
    """

    scale: Tensor
    middle: Tensor

    @classmethod
    def draw(cls, count: int, device: torch.device) -> Framing:
        """Width and height from 0.72 to 1, each by itself, anywhere in the frame; a quarter of frames stay whole."""
        dice = torch.rand(count, 5, device=device)
        scale = 1 - 0.28 * dice[:, :2] * (dice[:, 4:] < 0.75)
        return cls(scale, (dice[:, 2:4] * 2 - 1) * (1 - scale))

    def stretch(self) -> Framing:
        """What makes a reference of a product that the framing has stretched: smaller along one axis, on more white."""
        share = self.scale / self.scale.amin(dim=1, keepdim=True)
        return Framing(share, torch.zeros_like(share))

    def each(self, times: int) -> Framing:
        """Every framing so many times in a row, for several pictures of each product."""
        return Framing(self.scale.repeat_interleave(times, dim=0), self.middle.repeat_interleave(times, dim=0))

    def of(self, tensor: Tensor, *, binary: bool = False) -> Tensor:
        """``(N, C, T, H, W) float``, framed; the border is repeated outside.

        Args:
            binary: take the nearest pixel, which keeps masks 0 or 1.
        """
        count, channels, frames, height, width = tensor.shape
        device = tensor.device
        x = (torch.arange(width, device=device) * 2 + 1) / width - 1
        y = (torch.arange(height, device=device) * 2 + 1) / height - 1
        x, y = (axis * self.scale[:, number, None] + self.middle[:, number, None] for number, axis in enumerate((x, y)))
        grid = torch.stack([x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], dim=-1)
        mode = "nearest" if binary else "bilinear"
        framed = grid_sample(tensor.flatten(1, 2), grid, mode=mode, padding_mode="border", align_corners=False)
        return framed.view(count, channels, frames, height, width)


def moved(tensor: Tensor) -> Tensor:
    """``(N, C, T, H, W)``, a quarter of the batch as it is, one mirrored, one backwards, one both.

    Rows of a batch are drawn at random, so their places may decide.
    """
    half, backwards = len(tensor) // 2, len(tensor) // 4
    tensor = mirrored(tensor)
    first, second, third = tensor[:backwards], tensor[backwards : half + backwards], tensor[half + backwards :]
    return torch.cat([first.flip(2), second, third.flip(2)])


def mirrored(tensor: Tensor) -> Tensor:
    """``(N, ..., W)``, rows mirrored that `moved` mirrors: lettering on references has to run as in the video."""
    half = len(tensor) // 2
    return torch.cat([tensor[:half].flip(-1), tensor[half:]])
