"""CSV that pandas reads back as it was written.

DiffSynth reads its metadata with ``pandas.read_csv`` and no settings, which takes an empty text, ``NA`` or ``None`` for
a missing value (a float) and a text that looks like a number for one. Such texts are refused, not changed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pvtt_data.errors import InputError

# https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html, na_values
_MISSING = {
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
    *("N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
}


def csv_text(text: str, what: str) -> str:
    """A text for a column of texts, unchanged.

    Args:
        text: one cell.
        what: name of the text, for the error.

    Raises:
        InputError: ``no-prompt``, blank; ``not-csv-text``, pandas would read something else.
    """
    plain = text.strip()
    if not plain:
        raise InputError("no-prompt", f"the sample has no {what}")
    if plain in _MISSING or plain.lower() in ("true", "false") or _is_number(plain) or "\0" in text or "\r" in text:
        raise InputError("not-csv-text", f"the {what} {text!r} would be read as something else than this text")
    return text


def csv_bytes(names: Sequence[str], rows: Sequence[Sequence[str | int]]) -> bytes:
    """A table as UTF-8 CSV with a header."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return file.getvalue().encode()


def _is_number(text: str) -> bool:
    try:
        complex(text.replace(",", "").replace(" ", ""))
    except ValueError:
        return False
    return True
