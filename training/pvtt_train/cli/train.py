"""`pvtt-train` itself."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from pvtt_data.command_line import tell
from pvtt_train.cli import KEPT
from pvtt_train.diffsynth_source import use_diffsynth
from pvtt_train.distributed import World
from pvtt_train.plan import make_plan
from pvtt_train.settings import resolve
from pvtt_train.start import rehearse, start


def train_command(
    shards: Path | None,
    preset: str | None,
    file: Path | None,
    overrides: Sequence[str],
    folder: Path | None,
    dry_run: bool,
) -> int:
    """Train, or say what would be done.

    Returns:
        The exit status.
    """
    settings = resolve(shards, preset, file, overrides, folder)
    diffsynth = use_diffsynth()
    world = World.join(settings.config.run.device)
    console = Console(soft_wrap=True, quiet=not world.is_first)
    try:
        plan = make_plan(settings, world)
        for line in [*plan.lines(), f"diffsynth  {diffsynth}"]:
            console.print(line, highlight=False, markup=False)
        if dry_run:
            rehearse(plan, console)
            console.print("dry run: nothing was trained", highlight=False)
        else:
            start(plan, world, diffsynth, console)
    except BaseException as error:
        if world.size > 1 and not isinstance(error, SystemExit):
            _end_at_once(error)
        world.leave()
        raise
    world.leave()
    return 0


def _end_at_once(error: BaseException) -> NoReturn:
    """End one process of several after an error of its own.

    The others wait for it in a collective, where they stay until their launcher sees that one has ended. To leave in
    good order would be to wait for them.
    """
    status = tell(error, KEPT)
    if status is None:
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 1)
