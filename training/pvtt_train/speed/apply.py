"""A model made fast, from outside DiffSynth and for this one model only; `Applied.undo` gives it back as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from pvtt_data.errors import InputError
from pvtt_train.speed import float8
from pvtt_train.speed.attention import kernels, preferring
from pvtt_train.speed.block import Arithmetic, block, hint, real_tables
from pvtt_train.speed.config import SpeedConfig
from pvtt_train.speed.host import Host
from pvtt_train.speed.linear import FLOAT8, plain_adapter
from pvtt_train.speed.recompute import RECOMPILE_LIMIT, Runner
from pvtt_train.speed.spread import spread
from pvtt_train.wan.architecture import WanVace

ADAPTER = "lora_"
"""Part of the name of every parameter of an adapter."""


class Applied:
    """A model that computes as a `SpeedConfig` says, until `undo`.

    Attributes:
        model: that was changed.
        config: how.
        notes: what could not be done as asked, in words.
        host: the processor's memory, where blocks keep something there.
    """

    def __init__(self, model: WanVace, config: SpeedConfig) -> None:
        self.model = model
        self.config = config
        self.notes: tuple[str, ...] = ()
        self.host: Host | None = None
        self._undo: list[Callable[[], None]] = []

    def forward(self, latents: Tensor, timestep: Tensor, text: Tensor, vace_context: Tensor) -> Tensor:
        """Velocity of noisy latents; see `WanVace.forward`. The timestep may be float32 whatever the model is."""
        order = kernels(self.config.attention, latents.device)
        if self.host is not None:
            self.host.begin()
        with torch._dynamo.config.patch(recompile_limit=RECOMPILE_LIMIT), preferring(order):
            velocity = self.model(latents, timestep, text, vace_context)
        return velocity if self.host is None else self.host.watch(velocity)

    def undo(self) -> None:
        """Give the model back as it was; again is no harm."""
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> Applied:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.undo()


def apply(model: WanVace, config: SpeedConfig, device: torch.device | None = None) -> Applied:
    """Make a model fast.

    Adapters must be in place already. Blocks, `vace` and the rotary tables of this model are replaced; its weights and
    adapters stay in their modules under their names, and other models are not touched.

    Args:
        model: to be changed.
        config: how.
        device: where it is to compute, and is moved to until `Applied.undo`; where it is, if not given. Weights that
            float8 replaces are not moved: a model whose weights a GPU has no room for can be loaded on the processor.

    Raises:
        InputError: ``speed-undecided`` if ``keep_blocks`` is `fit`, which `pvtt_train.wan.memory.fitted` must turn into
            a number; ``speed-twice`` if the model has been made fast already.
    """
    if config.keep_blocks == "fit":
        raise InputError("speed-undecided", "keep_blocks is `fit`: it must be decided for a GPU and a size of clips")
    if "forward" in vars(model.vace):
        raise InputError("speed-twice", "this model has been made fast already; undo that first")
    applied = Applied(model, config)
    device = device or next(model.dit.patch_embedding.parameters()).device
    notes: list[str] = []
    try:
        if config.adapters_only:
            _freeze(model, applied._undo)
        if config.fp8:
            notes += _use_float8(model, device, applied._undo)
        _move(model, device, applied._undo)
        if config.real_rope:
            _assign(model.dit, "freqs", real_tables(model.dit.freqs), applied._undo)
        if config.host_blocks:
            applied.host = Host(device)
        _replace_blocks(model, config, device, applied.host, applied._undo)
    except BaseException:
        applied.undo()
        raise
    applied.notes = tuple(notes)
    return applied


def _replace_blocks(
    model: WanVace, config: SpeedConfig, device: torch.device, host: Host | None, undo: list[Callable[[], None]]
) -> None:
    how = Arithmetic(config.real_rope, config.fused_norms, config.cast_lora, kernels(config.attention, device))
    random = any(isinstance(layer, nn.Dropout) and layer.p > 0 for layer in model.modules())

    # Plain functions, which compilers follow more readily than partial ones.
    def of_dit(layer: nn.Module, *inputs: Any) -> Any:
        return block(how, layer, *inputs)

    def of_vace(layer: nn.Module, *inputs: Any) -> Any:
        return hint(how, layer, *inputs)

    def of_stack(layer: nn.Module, *inputs: Any) -> Any:
        return _stacked_hint(how, layer, *inputs)

    dit, vace, stacked = (Runner(part, config, random=random) for part in (of_dit, of_vace, of_stack))
    kept, away = kept_blocks(model, config), host_blocks(model, config)

    def running(run: Runner, layer: nn.Module, part: str, number: int) -> Callable[..., Any]:
        sent = (part, number) in away
        keep = (part, number) in kept or (sent and config.host_whole)
        return partial(_run_away, host, run, layer, keep) if sent and host is not None else partial(run, layer, keep)

    for number, layer in enumerate(model.dit.blocks):
        _set_forward(layer, running(dit, layer, "dit", number), undo)
    if config.hints_as_list:
        runs = [running(vace, layer, "vace", number) for number, layer in enumerate(model.vace.vace_blocks)]
        _set_forward(model.vace, partial(_hints, model.vace, runs), undo)
    else:
        for number, layer in enumerate(model.vace.vace_blocks):
            _set_forward(layer, running(stacked, layer, "vace", number), undo)
        _set_forward(model.vace, partial(type(model.vace).forward, model.vace), undo)


def _run_away(host: Host, run: Runner, layer: nn.Module, keep: bool, *inputs: Any) -> Any:
    """Run a block whose saved tensors leave the GPU; text, modulation and rotary tables are every block's."""
    if not torch.is_grad_enabled():
        return run(layer, keep, *inputs)
    with host.block([*inputs[-3:], *layer.parameters(), *layer.buffers()]):
        return run(layer, keep, *inputs)


def kept_blocks(model: WanVace, config: SpeedConfig) -> frozenset[tuple[str, int]]:
    """Which blocks keep everything for the gradient: ("dit" or "vace", number).

    The last come first: the gradient needs them first, and has most memory in use then.
    """
    wanted = config.keep_blocks if isinstance(config.keep_blocks, int) else 0
    recorded = recorded_blocks(model)
    return frozenset(recorded[::-1][:wanted])


def host_blocks(model: WanVace, config: SpeedConfig) -> frozenset[tuple[str, int]]:
    """Which blocks keep what they keep in the processor's memory: spread evenly over those that are not kept whole on
    the GPU, in the order in which they run.
    """
    hints = {layer: number for number, layer in enumerate(model.vace.vace_layers)}
    order: list[tuple[str, int]] = []
    for number in range(len(model.dit.blocks)):
        order.append(("dit", number))
        if number in hints:
            order.append(("vace", hints[number]))
    free = set(recorded_blocks(model)) - kept_blocks(model, config)
    return frozenset(spread([place for place in order if place in free], config.host_blocks))


def recorded_blocks(model: WanVace) -> list[tuple[str, int]]:
    """Blocks with a gradient, in the order of their names: VACE's and then the DiT's."""

    def trained(part: nn.Module) -> bool:
        return any(parameter.requires_grad for parameter in part.parameters())

    first = next((n for n, part in enumerate(model.vace.vace_blocks) if trained(part)), None)
    vace = [] if first is None else [("vace", number) for number in range(first, len(model.vace.vace_blocks))]
    reached = len(model.dit.blocks) if first is None else model.vace.vace_layers[first] + 1
    own = next((n for n, part in enumerate(model.dit.blocks) if trained(part)), reached)
    return [*vace, *(("dit", number) for number in range(min(own, reached), len(model.dit.blocks)))]


class _Hints(Sequence[Tensor]):
    """Hints, each made when it is first asked for, in order; only the last is kept."""

    def __init__(self, make: Iterator[Tensor], count: int) -> None:
        self._make = make
        self._count = count
        self._at = -1
        self._last: Tensor | None = None

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: Any) -> Any:
        if number < self._at or number >= self._count:
            raise IndexError(f"hint {number} of {self._count} after hint {self._at}")
        while self._at < number:
            self._last = None
            self._last = next(self._make)
            self._at += 1
        return self._last


def _hints(
    vace: Any,
    runs: Sequence[Callable[..., Any]],
    x: Tensor,
    vace_context: Tensor,
    context: Tensor,
    t_mod: Tensor,
    freqs: Tensor,
    **_: Any,
) -> Sequence[Tensor]:
    """`VaceWanModel.forward` without its stacks; arguments are named as there."""

    def make() -> Iterator[Tensor]:
        embedded = vace.vace_patch_embedding(vace_context).flatten(2).transpose(1, 2)
        tokens = nn.functional.pad(embedded, (0, 0, 0, x.shape[1] - embedded.shape[1]))
        for layer, run in zip(vace.vace_blocks, runs, strict=True):
            first = x if layer.block_id == 0 else None
            made, tokens = run(tokens, first, context, t_mod, freqs)
            yield made

    return _Hints(make(), len(vace.vace_blocks))


def _stacked_hint(
    how: Arithmetic, layer: Any, stack: Tensor, x: Tensor, text: Tensor, modulation: Tensor, freqs: Tensor
) -> Tensor:
    """`VaceWanAttentionBlock.forward`: earlier hints and tokens come as one tensor, and leave with one hint more."""
    if layer.block_id == 0:
        earlier: list[Tensor] = []
        made, tokens = hint(how, layer, stack, x, text, modulation, freqs)
    else:
        *earlier, tokens = torch.unbind(stack)
        made, tokens = hint(how, layer, tokens, None, text, modulation, freqs)
    return torch.stack([*earlier, made, tokens])


def _freeze(model: WanVace, undo: list[Callable[[], None]]) -> None:
    """No gradient for weights that are no adapter's."""
    for name, parameter in model.named_parameters():
        if ADAPTER not in name and parameter.requires_grad:
            parameter.requires_grad_(False)
            undo.append(partial(parameter.requires_grad_, True))


def _use_float8(model: WanVace, device: torch.device, undo: list[Callable[[], None]]) -> list[str]:
    """Give frozen layers of blocks a weight in float8; those of text stay, being few tokens.

    Returns:
        What stays exact, and why.
    """
    reason = float8.works(device)
    if reason:
        return [f"fp8 is not in use: {reason}"]
    left = 0
    for part in (*model.dit.blocks, *model.vace.vace_blocks):
        of_text = {id(layer) for layer in (part.cross_attn.k, part.cross_attn.v)}
        layers = [(name, layer) for name, layer in part.named_modules() if _is_linear(layer)]
        for name, layer in layers:
            base = getattr(layer, "base_layer", layer)
            if ADAPTER in name or name.endswith("base_layer") or id(layer) in of_text:
                continue
            if float8.fits(base.weight) and _may_replace(layer):
                undo.append(partial(float8.remove, base, base.weight.device))
                float8.install(base, device)
            else:
                left += 1
    return [f"{left} layers stay exact: adapters that only peft knows, or sizes no multiple of 16"] if left else []


def _is_linear(layer: nn.Module) -> bool:
    return isinstance(getattr(layer, "base_layer", layer), nn.Linear)


def _may_replace(layer: nn.Module) -> bool:
    return not hasattr(layer, "base_layer") or plain_adapter(layer) is not None


def _move(model: WanVace, device: torch.device, undo: list[Callable[[], None]]) -> None:
    """Move all but exact weights that float8 has replaced."""
    replaced = {id(part.weight) for part in model.modules() if hasattr(part, FLOAT8)}
    for part in [*model.parameters(), *model.buffers()]:
        if id(part) not in replaced and part.device != device:
            undo.append(partial(_set_data, part, part.device))
            _set_data(part, device)
    if model.dit.freqs[0].device != device:
        _assign(model.dit, "freqs", tuple(table.to(device) for table in model.dit.freqs), undo)


def _set_data(part: Tensor, device: torch.device) -> None:
    part.data = part.data.to(device)


def _set_forward(module: nn.Module, forward: Callable[..., Any], undo: list[Callable[[], None]]) -> None:
    module.forward = forward
    undo.append(partial(delattr, module, "forward"))


def _assign(owner: Any, name: str, value: Any, undo: list[Callable[[], None]]) -> None:
    undo.append(partial(setattr, owner, name, getattr(owner, name)))
    setattr(owner, name, value)
