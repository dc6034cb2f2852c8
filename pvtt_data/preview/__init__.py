"""Looking at what a model will see: samples of a dataset as a VACE model's inputs, with what looks wrong in words.

- `conditioned`: draws and makes a sample's inputs as the trainer does.
- `findings`: what looks wrong, in numbers.
- `sheet`, `stacked`: one picture of a sample's inputs, and several in one.

Needs torch.
"""

from __future__ import annotations

from pvtt_data.preview.findings import Finding, findings
from pvtt_data.preview.sheet import conditioned, sheet, stacked

__all__ = ["Finding", "conditioned", "findings", "sheet", "stacked"]
