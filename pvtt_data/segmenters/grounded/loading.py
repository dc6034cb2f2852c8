"""Weights into models of transformers: all of them and no others, or an error. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

_COMPUTED = ("relative_position_index", "position_ids")
"""Buffers that older versions of transformers stored and newer ones compute."""


def load_exactly(
    model_class: Any, config: Any, state: Mapping[str, torch.Tensor], label: str, **options: Any
) -> torch.nn.Module:
    """A model in evaluation mode with these weights.

    `from_pretrained` fills what a file lacks with random numbers and a warning; here that is an error.

    Args:
        model_class: of transformers.
        config: of that class.
        state: name → tensor, as in the published file.
        label: what to call the file in messages.
        options: further arguments of `from_pretrained`.

    Raises:
        ValueError: weights are missing, left over or of another shape.
    """
    model, told = model_class.from_pretrained(
        None, config=config, state_dict=dict(state), output_loading_info=True, **options
    )
    missing = sorted(told["missing_keys"])
    left_over = sorted(name for name in told["unexpected_keys"] if not name.endswith(_COMPUTED))
    other_shape = sorted(str(entry[0]) for entry in told["mismatched_keys"])
    problems = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for what, names in (("missing", missing), ("left over", left_over), ("of another shape", other_shape))
        if names
    ]
    if problems:
        raise ValueError(f"{label} does not hold the weights of this model: {'; '.join(problems)}")
    loaded: torch.nn.Module = model.eval()
    return loaded
