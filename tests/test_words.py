"""Numbers and texts as people read them."""

from __future__ import annotations

from pvtt_data.publish.needs import Original
from pvtt_data.publish.rebuild import missing_text
from pvtt_data.words import printable


def test_texts_from_data_cannot_command_a_terminal() -> None:
    assert printable("a mug, 马克杯, ½ l") == "a mug, 马克杯, ½ l"
    assert printable("青花\u3000马克杯，3\u00a0件") == "青花\u3000马克杯，3\u00a0件"
    assert printable("mug\x1b[2J\n\u202egpj.\ud800") == "mug\\x1b[2J\\n\\u202egpj.\\ud800"
    assert printable("one\ntwo\r", newlines=True) == "one\ntwo\\r"
    assert printable("fps\u00a0: 16\n", newlines=True, spaces=False) == "fps\\xa0: 16\n"


def test_names_and_addresses_of_missing_originals_stay_on_their_lines() -> None:
    one = Original("ab" * 32, "mug\n2 originals are missing\x1b[1A.mp4", "https://shop.example/\r", "CC-BY-4.0")
    assert len(missing_text([one]).split("\n")) == 2
    assert all(c.isprintable() or c == "\n" for c in missing_text([one]))
