"""What a run records of where its numbers come from: code, libraries, machine, data, weights."""

from __future__ import annotations

import os
import platform
import time
import warnings
from typing import Any

from pvtt_data import __version__
from pvtt_data.experiment_log.machine import find_commit
from pvtt_data.experiment_log.privacy import Privacy
from pvtt_data.stage import library_version
from pvtt_train.diffsynth_source import DiffSynthSource
from pvtt_train.distributed import World
from pvtt_train.plan import Plan
from pvtt_train.wan.weights import describe

_LIBRARIES = ("torch", "diffsynth", "peft", "accelerate", "safetensors", "transformers", "numpy", "av", "tensorboard")


def start_facts(plan: Plan, world: World, diffsynth: DiffSynthSource, step: int) -> dict[str, Any]:
    """Of one start of a run, as plain values; tokens and passwords in the command are not among them.

    Args:
        plan: of the run, with the speed that was chosen.
        world: the processes.
        diffsynth: where it comes from.
        step: that the start goes on from.
    """
    import torch

    commit = find_commit()
    cuda = world.device.type == "cuda"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random weights were told of when they were made
        weights = describe(plan.settings.config.model, plan.parts)
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "from_step": step,
        "command": Privacy([]).command(None),
        "settings": {"name": plan.settings.name, "why": plan.settings.why},
        "dataset": {"name": plan.dataset, "root": plan.root, "samples": plan.samples},
        "weights": weights,
        "speed": plan.speed.model_dump(mode="json"),
        "code": {
            "pvtt": __version__,
            "commit": commit.sha if commit else None,
            "changed_files": commit.changed_files if commit else None,
        },
        "diffsynth": {"kind": diffsynth.kind, "version": diffsynth.version, "folder": str(diffsynth.folder)},
        "versions": {"python": platform.python_version(), **{name: library_version(name) for name in _LIBRARIES}},
        "machine": {
            "system": platform.platform(terse=True),
            "device": world.device_name,
            "cuda": torch.version.cuda if cuda else None,
            "cpus": os.cpu_count(),
            "processes": world.size,
        },
    }
