"""The interface of a model that can be asked, and which one a recipe means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pvtt_data.vlm.config import ModelConfig
from pvtt_data.vlm.endpoint import Endpoint


class Answerer(Protocol):
    """A model that looks at pictures and answers in text."""

    @property
    def name(self) -> str:
        """What its answers are kept under: ``endpoint:NAME``, or ``local:TYPE@DIGEST``."""
        ...

    @property
    def place(self) -> str:
        """Where questions go, for people."""
        ...

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> str:
        """The answer's text.

        Raises:
            AskingError: it answers nobody.
            UnansweredError: it does not answer this question.
        """
        ...


def answerer_for(config: ModelConfig) -> Answerer:
    """The model of a recipe; a local one is loaded at its first question.

    Raises:
        PreflightError: the folder of a local model is none.
    """
    if config.endpoint is not None:
        return Endpoint(config.endpoint)
    from pvtt_data.vlm.local import LocalModel

    assert config.local is not None
    return LocalModel(config.local)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a build has to know of a model that it does not ask.

    Attributes:
        name: what its answers are kept under.
        weights: SHA-256 of a local model's files, by which samples name it; empty for one behind an endpoint.
        continues: whether it goes on with a sentence instead of answering a question.
    """

    name: str
    weights: str = ""
    continues: bool = False


def describe_model(config: ModelConfig) -> ModelFacts:
    """The facts of a recipe's model; asks and loads nothing.

    Raises:
        PreflightError: the folder of a local model is none.
    """
    if config.endpoint is not None:
        return ModelFacts(Endpoint(config.endpoint).name)
    from pvtt_data.vlm.local import LocalModel

    assert config.local is not None
    model = LocalModel(config.local)
    return ModelFacts(model.name, model.digest, model.continues)
