"""What a dataset version holds, byte by byte."""

from __future__ import annotations

import hashlib
from pathlib import Path


def dataset_digest(folder: Path) -> dict[str, str]:
    """Path of every file in a folder → SHA-256 of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
