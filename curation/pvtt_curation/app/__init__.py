"""Review in FiftyOne's app: database, server and index of what is reviewed."""

from __future__ import annotations

from pvtt_curation.app.launch import RunningApp, launch, running

__all__ = ["RunningApp", "launch", "running"]
