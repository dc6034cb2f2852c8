"""The plugin as FiftyOne finds it; what it does is in `pvtt_curation.operators`."""

from pvtt_curation.operators.registration import register

__all__ = ["register"]
