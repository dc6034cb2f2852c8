"""What can go wrong when a model is asked."""

from __future__ import annotations

from pvtt_data.errors import PvttError


class AskingError(PvttError):
    """Nothing can be asked: the key is refused, the model is unknown, the server is gone. Asking on would not help."""


class UnansweredError(PvttError):
    """One question was not answered this time; nothing is kept of it, and it may be asked again."""
