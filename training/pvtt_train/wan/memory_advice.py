"""What to change in a training for less memory, and what it would take then, for a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvtt_train.wan.memory import Setting

Change = Callable[["Setting"], "Setting"]


@dataclass(frozen=True, slots=True)
class Help:
    """Something that a person may do.

    Attributes:
        name: of it, in words.
        change: what it makes of a setting.
        frees: bytes that there are more for a step, beside what the change saves.
    """

    name: str
    change: Change
    frees: int = 0


def gpu_advice(setting: Setting, available: int | None = None, vae: int = 0) -> list[str]:
    """What takes less of a GPU's memory, the least painful first.

    Args:
        setting: what was estimated.
        available: bytes that there are: what is not enough alone is said to be so, and if nothing is, how much of it is
            together.
        vae: bytes that a VAE takes beside the training, which latents made beforehand would leave to it.
    """
    now, lines, alone, helping = setting.estimate(), [], False, []
    for help in [*_latents(vae), *_changes(setting)]:
        less = help.change(setting).estimate()
        if (not help.frees and gigabytes(less.needed) == gigabytes(now.needed)) or less.needed > now.needed:
            continue
        enough = available is None or less.fits(available + help.frees)
        alone |= enough
        saves = f"{gigabytes(less.needed)} instead of {gigabytes(now.needed)}"
        if less.host > now.host:
            saves += f", and {gigabytes(less.host)} of the processor's memory"
        if help.frees:
            saves = f"{gigabytes(help.frees)} more room"
        lines.append(f"{help.name}: {saves}{'' if enough else ', not enough alone'}")
        helping.append(help)
    if available is not None and not alone:
        lines.append(_together(setting, helping, available))
    return lines


def host_advice(setting: Setting, available: int | None = None) -> list[str]:
    """What takes less of the processor's memory, and what of the GPU's it would take then.

    Args:
        setting: what was estimated.
        available: bytes that there are: what is not enough is said to be so.
    """
    now, lines = setting.estimate(), []
    for help in _HOST_CHANGES:
        less = help.change(setting).estimate()
        if gigabytes(less.host) == gigabytes(now.host) or less.host > now.host:
            continue
        remark = "" if available is None or less.host <= available else ", not enough alone"
        lines.append(
            f"{help.name}: {gigabytes(less.host)} of the processor's memory instead of {gigabytes(now.host)}{remark}; "
            f"{gigabytes(less.needed)} of GPU memory instead of {gigabytes(now.needed)}"
        )
    return lines


def gigabytes(count: int) -> str:
    """10⁹ bytes in words."""
    return f"{count / 1e9:.1f} GB"


def _together(setting: Setting, helping: Sequence[Help], available: int) -> str:
    """How many of the changes are enough together; where one of them does harm beside the others, without it."""
    for count in range(2, len(helping) + 1):
        for left_out in (None, *range(count - 1)):
            used = [help for number, help in enumerate(helping[:count]) if number != left_out]
            less = reduce(lambda changed, help: help.change(changed), used, setting).estimate()
            if less.fits(available + sum(help.frees for help in used)):
                but = "" if left_out is None else f" but {helping[left_out].name}"
                return f"the first {count} of these together{but}: {gigabytes(less.needed)}, enough"
    return f"not even all of these together are enough for the {gigabytes(available)} that there are"


def _latents(vae: int) -> list[Help]:
    return [Help("latents made beforehand, `pvtt-train precompute`", lambda setting: setting, vae)] if vae else []


def _changes(setting: Setting) -> tuple[Help, ...]:
    """What takes less memory, the least painful first; without effect where it is so already."""
    rank = max(1, setting.lora.rank // 2)
    return (
        Help("speed.graph: false", _with_speed(graph=False)),
        Help("speed.keep_blocks: 0", _with_speed(keep_blocks=0)),
        Help("speed.hints_as_list: true", _with_speed(hints_as_list=True)),
        Help("speed.compile: true", _with_speed(compile=True)),
        Help("speed.checkpointing: selective", _selective),
        Help("speed.checkpointing: full", _with_speed(checkpointing="full", keep_blocks=0)),
        Help("a batch of 1, with gradient accumulation", lambda setting: replace(setting, batch=1)),
        Help("lora.targets: vace", _with_lora(targets="vace")),
        Help(
            "speed.host_blocks: 99, what blocks keep in the processor's memory",
            _with_speed(host_blocks=99, keep_blocks=0),
        ),
        Help("speed.fp8: true, which is not exact", _with_speed(fp8=True)),
        Help(f"lora.rank: {rank}", _with_lora(rank=rank)),
        Help("clips of 49 frames at most", _at_most(49)),
        Help("clips of 17 frames at most", _at_most(17)),
    )


def _with_speed(**changes: object) -> Change:
    return lambda setting: replace(setting, speed=setting.speed.model_copy(update=changes))


def _with_lora(targets: str | None = None, rank: int | None = None) -> Change:
    def changed(setting: Setting) -> Setting:
        of = setting.lora
        return replace(setting, lora=_Lora(rank or of.rank, targets or of.targets, tuple(of.modules), of.fp32))

    return changed


def _selective(setting: Setting) -> Setting:
    keeps_all = setting.speed.checkpointing == "none"
    return _with_speed(checkpointing="selective", keep_blocks=0)(setting) if keeps_all else setting


def _at_most(frames: int) -> Change:
    def shorter(setting: Setting) -> Setting:
        sizes = (setting.bucket, *setting.others)
        first, *others = (_Clip(min(frames, each.frames), each.height, each.width, each.references) for each in sizes)
        return replace(setting, bucket=first, others=tuple(others))

    return shorter


_HOST_CHANGES = (
    Help("speed.host_whole: false", _with_speed(host_whole=False)),
    Help("speed.checkpointing: full", _with_speed(checkpointing="full")),
    Help("speed.host_blocks: 0", _with_speed(host_blocks=0)),
    Help("speed.fp8: false", _with_speed(fp8=False)),
)


@dataclass(frozen=True, slots=True)
class _Clip:
    """Size of clips, as `pvtt_train.wan.shape.BucketLike`."""

    frames: int
    height: int
    width: int
    references: int


@dataclass(frozen=True, slots=True)
class _Lora:
    """Adapters, as `pvtt_train.wan.adapters.LoraLike`."""

    rank: int
    targets: str
    modules: tuple[str, ...]
    fp32: bool
