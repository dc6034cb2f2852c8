"""What is written as CSV is what pandas reads, whatever the text; what it would change is refused."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pvtt_data.errors import InputError
from pvtt_data.exports.tables import csv_bytes, csv_text

pandas = pytest.importorskip("pandas", reason="pandas is not installed")

TRICKY = ["NA", "nan", "None", "1.5", "1e5", "-3", "inf", "1,000", "TRUE", "0x10", "1_000", "a\rb", "a\0b", " ", "+7"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(TRICKY), st.text(max_size=12)), min_size=1, max_size=3))
def test_pandas_reads_the_texts_that_were_taken(texts: list[str]) -> None:
    taken = []
    for text in texts:
        try:
            text.encode()
            taken.append(csv_text(text, "prompt"))
        except (InputError, UnicodeEncodeError):
            continue
    if taken:
        table = pandas.read_csv(io.BytesIO(csv_bytes(["n", "prompt"], [[n, text] for n, text in enumerate(taken)])))
        assert table["prompt"].tolist() == taken


@pytest.mark.parametrize("text", [text for text in TRICKY if text not in ("1_000", "0x10")])
def test_texts_that_pandas_changes_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        csv_text(text, "prompt")
