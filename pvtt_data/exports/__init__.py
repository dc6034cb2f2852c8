"""Datasets for other tools: the samples of a version, written as files that those tools read.

`docs/export.md` says what each format holds. Read it in this order:

- `selection`: which samples.
- `folder`: files that appear whole, what is on the disk already, and what an export says of itself.
- `formats`: what a format is; `diffsynth`, `ffgo`, `videofolder`, `frames`, `davis` are one each.
- `run`: from a version to a folder.
"""

from __future__ import annotations

from pvtt_data.exports.catalogue import FORMATS, FormatName
from pvtt_data.exports.folder import check_export
from pvtt_data.exports.run import Exported, export_dataset
from pvtt_data.exports.selection import select

__all__ = ["FORMATS", "Exported", "FormatName", "check_export", "export_dataset", "select"]
