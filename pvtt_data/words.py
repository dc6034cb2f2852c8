"""Numbers and texts as people read them."""

from __future__ import annotations


def duration_text(seconds: float) -> str:
    """A time in the unit that fits: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``5 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"


def bytes_text(size_bytes: float) -> str:
    """A size in decimal units: ``0 B``, ``1.5 MB``, ``20 GB``."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def printable(text: str, newlines: bool = False, spaces: bool = True) -> str:
    """Text from data without control characters, which a terminal would obey: they are written as escapes.

    Args:
        newlines: leave line breaks as they are.
        spaces: leave those of Chinese texts and of numbers (no-break) as they are. Where one may be what is wrong, as
            in a key that is unknown, an escape tells it from a plain space.
    """
    if text.isprintable():
        return text
    shown = ("\u3000\u00a0" if spaces else "") + ("\n" if newlines else "")
    return "".join(c if c.isprintable() or c in shown else c.encode("unicode_escape").decode() for c in text)
