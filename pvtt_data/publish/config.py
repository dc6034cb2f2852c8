"""What a recipe says about publishing its dataset."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pvtt_data.stage import StageConfig


class PublishConfig(StageConfig):
    """What may be published, and under which conditions; builds do not look at it."""

    flagged: Literal["refuse", "allow"] = "refuse"
    """Whether samples that quality control flagged may be published; their JSON says why they are."""
    faces: Literal["refuse", "note", "allow"] = "refuse"
    """Faces of people: refuse lists the samples in which one seems to be seen and publishes nothing, note lists them
    and goes on, allow does not look."""
    licences: dict[str, str] = Field(default_factory=dict)
    """Licences that have no SPDX identifier → what they allow, as an SPDX identifier, or public-domain, attribution,
    non-commercial or no-redistribution. A model without a known licence: model:NAME → the same."""
    allowed_texts: tuple[str, ...] = ()
    """Texts, such as an e-mail address for takedowns, that may stand in the dataset though they look private."""
