"""What a shop wrote about a product, without what is there for search engines: one short line of plain words.

A title is data from outside. What comes out is one line of letters, digits and a few marks, so that it can stand inside
a sentence, a JSON text or a page; the same title always gives the same line, and cleaning it again changes nothing.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

DEFAULT_CHARS = 80
MAX_BYTES = 240
"""Longest title, UTF-8: with the sentence around it, it stays within what a text encoder reads."""

_INPUT_CHARS = 1000
"""Of longer titles the rest is not looked at: patterns take time that grows with the square of the length."""
_PASSES = 12
_MOST_WORDS = 14
_MOST_PARTS = 4
_KEYWORD_WORDS = 3
_STACKED_MARKS = 2
_LONGEST_WORD = 40

_TAG = re.compile(r"<[^<>]{0,300}>")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[^\s@]{1,64}@[^\s@]{1,200}\.\w+|(?<!\S)[@#]\S+", re.IGNORECASE)
_CURRENCY = "$€£¥₹₽₩₺₫฿"
_CODES = "usd|eur|gbp|cny|rmb|jpy|inr|krw|aud|cad|chf"
_NUMBER = r"\d+(?:[.,]\d+)*"
_PRICE = re.compile(
    rf"(?:us|hk|au|ca|nt|r)?[{_CURRENCY}]\s*{_NUMBER}|\b(?:{_CODES})\s*{_NUMBER}|{_NUMBER}\s*(?:[{_CURRENCY}元]|(?:{_CODES})\b)"
    rf"|[-–—]?\s*{_NUMBER}\s*%\s*(?:off|discount|sale|rabatt)?|\d+(?:\.\d+)?\s*折",
    re.IGNORECASE,
)
_PERCENT_OF = re.compile(rf"(?<!\w){_NUMBER}\s*%(?=\s+[^\W\d_])(?!\s*(?:off|discount|sale|rabatt)\b)", re.IGNORECASE)
_HYPE = re.compile(
    r"\b(?:"
    r"(?:hot|flash|big|final|clearance|mega|super|summer|winter)\s+(?:sale|deal|price|selling)s?"
    r"|best[\s-]*sell(?:er|ers|ing)|top[\s-]*(?:rated|selling|seller)|free\s+(?:shipping|delivery|gift|returns?)"
    r"|(?:fast|quick|24h)\s+(?:shipping|delivery)|on\s+sale|for\s+sale|(?:limited|special)\s+(?:time\s+)?(?:offer|deal)s?"
    r"|buy\s+(?:now|\d+\s+get\s+\d+(?:\s+free)?)|shop\s+now|order\s+now|order\s+today|click\s+here|link\s+in\s+bio"
    r"|(?:brand\s+)?new\s+arrivals?|brand[\s-]*new|(?:19|20)\d\d\s+new|new\s+(?:19|20)\d\d|in\s+stock|ready\s+to\s+ship"
    r"|must[\s-]*have|as\s+seen\s+on\s+\w+|money\s+back(?:\s+guarantee)?|100\s*%\s+(?:new|authentic|genuine|original)"
    r"|wholesale|dropship(?:ping)?|factory\s+(?:outlet|price|direct)|high\s+quality|good\s+quality|best\s+(?:price|quality|gift)"
    r"|tik\s*tok\s+(?:viral|famous|shop)|viral"
    r")\b|包邮|热卖|热销|爆款|新款|特价|正品|厂家直销|限时|秒杀|促销|清仓|现货|批发|网红|抖音|同款|买一送一|送礼",
    re.IGNORECASE,
)  # fmt: skip
_BRACKETED = re.compile(r"[\[【［「『〖][^\[\]【】［］「」『』〖〗]{0,80}[\]】］」』〗]|\(\s*\)")
_SEPARATED = re.compile(r"\s*[|•·;；、，/／]\s*|\s*,(?!\d)\s*|\s+[-–—~]+\s+")
_NOT_WORDS = re.compile(r"[^\w\s'&+.,%°()\-/×]|_", re.UNICODE)
_REPEATED = re.compile(r"([^\w\s])(?:\s*\1)+")
_LOOSE = re.compile(r"(?<!\S)[^\w\s(&]+(?!\S)")
_EDGES = " \t'&+.,%°-/×"
_WORD = re.compile(r"\w+(?:['.-]\w+)*", re.UNICODE)
_DANGLING = frozenset(
    ["a", "an", "and", "at", "by", "for", "from", "in", "of", "off", "on", "or", "the", "to", "und", "with", "w"]
)
_ACRONYMS = frozenset(
    [
        "AC", "BPA", "DC", "DIY", "DVD", "EDP", "EDT", "EU", "HD", "HDMI", "II", "III", "IPX", "IV", "LCD", "LED",
        "NFC", "PC", "PU", "PVC", "RFID", "RGB", "SPF", "TPU", "TV", "UK", "US", "USA", "USB", "UV", "XL", "XS", "XXL",
    ]
)  # fmt: skip
_SMALL_WORDS = _DANGLING - {"w"}
_KEPT_CATEGORIES = ("L", "M", "N", "P", "Z", "S")


@lru_cache(maxsize=4096)
def clean_title(title: str, max_chars: int = DEFAULT_CHARS) -> str:
    """One line of at most ``max_chars`` characters and `MAX_BYTES` bytes; empty if nothing of the title says anything.

    HTML entities and tags, addresses, hashtags, prices, discounts and sales talk go; so do emoji, control characters,
    marks that turn the direction of text, and stacked accents. Words in capitals are written as names are; a word that
    was said before is not said again in a list of keywords; what is too long ends at a word.

    Args:
        title: as the feed has it.
        max_chars: at least 8.
    """
    text = title[:_INPUT_CHARS]
    for _ in range(_PASSES):
        cleaned = _pass(text, max_chars)
        if cleaned == text:
            return cleaned
        text = cleaned
    return _plain(text, max_chars)


def _pass(text: str, max_chars: int) -> str:
    text = _TAG.sub(" ", html.unescape(html.unescape(text)))
    text = _letters(unicodedata.normalize("NFKC", text))
    text = _ADDRESS.sub(" ", text)
    text = _BRACKETED.sub(_unbracketed, text)
    text = _HYPE.sub(" ", text)
    kept: list[str] = []
    text = _PERCENT_OF.sub(lambda match: kept.append(match[0]) or f" \0{len(kept) - 1}\0 ", text)  # type: ignore[func-returns-value]
    text = _PRICE.sub(" ", text)
    text = re.sub(r" \0(\d+)\0 ", lambda match: kept[int(match[1])], text)
    text = _sentence_case(_without_keywords(text))
    text = _NOT_WORDS.sub(" ", text)
    text = _LOOSE.sub(" ", _REPEATED.sub(r"\1", text))
    return _trimmed(_cut(_balanced(text), max_chars))


def _plain(text: str, max_chars: int) -> str:
    """Words and spaces alone: for the odd title that still changes after so many passes."""
    return _cut(" ".join(word for word in re.findall(r"[^\W_]+", text)), max_chars)


def _letters(text: str) -> str:
    """Text without symbols that are pictures, controls, and more accents on a letter than languages put there."""
    found: list[str] = []
    stacked = 0
    for letter in text:
        category = unicodedata.category(letter)
        if category.startswith("M"):
            stacked += 1
            if stacked > _STACKED_MARKS or not found or found[-1] == " " or 0xFE00 <= ord(letter) <= 0xFE0F:
                continue
        else:
            stacked = 0
        if category[0] not in _KEPT_CATEGORIES or category in ("So", "Sk"):
            # A control between letters is nothing; an emoji parts words.
            letter = " " if category in ("So", "Sk", "Cc") else ""
        found.append(" " if category.startswith("Z") else letter)
    return " ".join("".join(found).split())


def _unbracketed(match: re.Match[str]) -> str:
    """What stands in square brackets is talk if all of it is; else it stays, without them."""
    inner = match[0][1:-1]
    rest = _PRICE.sub(" ", _HYPE.sub(" ", inner))
    return f" {inner} " if rest.strip() == inner.strip() and len(_WORD.findall(inner)) > 1 else " "


def _without_keywords(text: str) -> str:
    """The first parts of a title; a short part that repeats a word, and a word right after itself, are keywords."""
    parts, said, count = list[str](), set[str](), 0
    for part in _SEPARATED.split(text):
        words = _WORD.findall(part)
        keys = {word.casefold() for word in words} - _DANGLING
        if not keys or keys <= said or (len(words) <= _KEYWORD_WORDS and keys & said):
            continue
        if parts and (count + len(words) > _MOST_WORDS or len(parts) == _MOST_PARTS):
            break
        parts.append(_without_echo(part))
        said.update(keys)
        count += len(words)
    return ", ".join(parts)


def _without_echo(part: str) -> str:
    words: list[str] = []
    for word in part.split():
        if not words or word.casefold() != words[-1].casefold():
            words.append(word)
    return " ".join(words)


def _sentence_case(text: str) -> str:
    """A title that shouts, written as names are: more than half of its longer words are capitals alone."""
    words = [word for word in _WORD.findall(text) if sum(letter.isalpha() for letter in word) > 3]
    shouted = [word for word in words if word == word.upper() != word.lower()]
    if not shouted or 2 * len(shouted) <= len(words):
        return text
    return " ".join(_quiet(word, first=not number) for number, word in enumerate(text.split()))


def _quiet(word: str, first: bool) -> str:
    if any(letter.isdigit() for letter in word) or word != word.upper():
        return word
    if word.casefold() in _SMALL_WORDS:
        return word if first else word.lower()
    return "-".join(part if part in _ACRONYMS else part[:1] + part[1:].lower() for part in word.split("-"))


def _balanced(text: str) -> str:
    """Round brackets that open and close; others go."""
    kept, opened = list[str](), list[int]()
    for letter in text:
        if letter == "(":
            opened.append(len(kept))
        elif letter == ")":
            if not opened:
                continue
            opened.pop()
        kept.append(letter)
    for place in opened:
        kept[place] = " "
    return re.sub(r"\(\s*\)", " ", re.sub(r"\s+\)", ")", re.sub(r"\(\s+", "(", "".join(kept))))


def _cut(text: str, max_chars: int) -> str:
    words: list[str] = []
    for word in text.split():
        longer = " ".join([*words, word[:_LONGEST_WORD] if not words else word])
        if len(longer) > max_chars or len(longer.encode()) > MAX_BYTES:
            break
        words.append(word[:_LONGEST_WORD] if not words else word)
    if not words and text.split():
        return _bytes_cut(text.split()[0][:max_chars])
    return " ".join(words)


def _bytes_cut(text: str) -> str:
    return text.encode()[:MAX_BYTES].decode("utf-8", "ignore")


def _trimmed(text: str) -> str:
    """Without marks at its edges and words that lead nowhere at its end."""
    text = re.sub(r"\s+([,.])", r"\1", " ".join(text.split()))
    before = None
    while text != before:
        before = text
        text = text.strip(_EDGES)
        head, _, last = text.rpartition(" ")
        if head and last.casefold() in _DANGLING:
            text = head
    return text if any(letter.isalnum() for letter in text) else ""
