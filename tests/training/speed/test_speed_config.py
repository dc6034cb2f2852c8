"""Settings that contradict each other are refused where they are written."""

from __future__ import annotations

from typing import Any

import pytest
from pvtt_train.speed.config import SpeedConfig
from pydantic import ValidationError


@pytest.mark.parametrize(
    "settings",
    [
        {"graph": True, "host_blocks": 3},
        {"graph": True, "checkpointing": "offload"},
        {"graph": True, "keep_blocks": "fit"},
        {"keep_blocks": -1},
        {"keep_blocks": "some"},
        {"attention": "sage"},
        {"checkpoint": "full"},
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SpeedConfig.model_validate(settings)


def test_fp8_is_off_unless_asked_for() -> None:
    assert not SpeedConfig().fp8
