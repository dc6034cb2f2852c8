"""What must not be in a published dataset: tokens, passwords, signed addresses, e-mail addresses, folders of a machine.

Looked at: every text of every JSON member, every text of every table, the card, manifest and lineage; titles, comments
and other tags of videos and pictures; and the bytes of all media for tokens and home folders. Not looked at: what
pictures show, and names of people, streets or telephone numbers in texts, which no rule tells from a product's name.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from pvtt_data.experiment_log.privacy import folders_in, is_secret, tokens_in
from pvtt_data.limits import DEFAULT_LIMITS
from pvtt_data.media import open_mp4

_SHORTEST_SECRET = 8
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-]|\.\w)", re.ASCII)
_IN_BYTES = re.compile(
    rb"\b(?:hf|api_org)_[A-Za-z0-9]{30,}|\bgh[oprsu]_[A-Za-z0-9]{36}|\bgithub_pat_\w{60,}"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[A-Z0-9]{16}\b"
    rb"|(?:/home|/Users)/[a-z][\w.-]{2,31}/[\w.-]{3,}|[A-Z]:\\Users\\[\w.-]{3,}"
)
_SHOWN = 4
_PICTURES = ("PNG", "JPEG", "WEBP")
_MAIL_ANYWHERE = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}[@＠](?:[\w-]{1,63}\.)+[^\W\d_]{2,24}(?![\w-]|\.\w)")
"""Addresses with other letters than those of ASCII: müller, 商店.中国."""
_QUERY = re.compile(r"[?&;]([A-Za-z][\w.-]{0,40})=([^\s&;#\"'<>]{8,})")
_OPENS = frozenset(
    {
        *("access_token", "auth_key", "auth_token", "token", "jwt", "api_key", "apikey", "client_secret", "secret"),
        *("password", "passwd", "session_id", "sessionid", "sign", "signature", "sig", "q-signature"),
        *("x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-goog-signature", "x-goog-credential"),
        *("x-oss-signature", "x-cos-security-token", "awsaccesskeyid", "ossaccesskeyid", "key-pair-id"),
    }
)
"""Parameters of web addresses that let whoever has the address in."""


def private_in(text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """What of a text looks private, as kind and a shortened quotation: never a whole secret.

    Args:
        environment: variables whose values may be secrets; those of this process by default.
    """
    found = [f"token {_hidden(token)}" for token in tokens_in(text)]
    found += [f"e-mail address {_mail(address)}" for address in _mails(text)]
    if "://" in text:
        found += [
            f"address that lets in, {name}={_hidden(value)}"
            for name, value in _QUERY.findall(text)
            if name.lower() in _OPENS
        ]
    found += [f"folder {folder}" for folder in folders_in(text)]
    for name, value in (os.environ if environment is None else environment).items():
        if is_secret(name) and len(value) >= _SHORTEST_SECRET and value in text:
            found.append(f"value of {name}")
    return list(dict.fromkeys(found))


def texts_in(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """All texts of JSON-like data, with the place of each."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield where, str(name)
            yield from texts_in(inner, f"{where}.{name}" if where else str(name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts_in(inner, where)


def texts_of_table(path: Path) -> Iterator[tuple[str, str]]:
    """All texts of a Parquet file, of its schema too, with their columns; each text of a column once.

    Raises:
        OSError, pyarrow.ArrowException: it cannot be read.
    """
    table = pq.ParquetFile(path)
    for name, words in (table.schema_arrow.metadata or {}).items():
        yield name.decode(errors="replace"), words.decode(errors="replace")
    seen: set[tuple[str, str]] = set()
    for batch in table.iter_batches(batch_size=4096):
        for column, content in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_integer(content.type) or pa.types.is_floating(content.type):
                continue
            for row in content.to_pylist():
                for place, text in texts_in(row, column):
                    if (place, text) not in seen:
                        seen.add((place, text))
                        yield place, text


def texts_of_member(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """The texts that a member carries beside what it shows: JSON values, tags of a video, tags of a picture.

    Raises:
        InputError, OSError: it is no such medium.
    """
    if name == "json":
        yield from texts_in(json.loads(data))
    elif name.endswith(".mp4"):
        with open_mp4(data, DEFAULT_LIMITS) as container:
            for tags in (container.metadata, *(stream.metadata for stream in container.streams)):
                yield from texts_in(dict(tags))
    else:
        with Image.open(io.BytesIO(data), formats=_PICTURES) as picture:
            yield from texts_in({str(key): str(value) for key, value in picture.info.items() if key != "icc_profile"})
            yield from texts_in({str(key): str(value) for key, value in picture.getexif().items()})


def private_bytes(data: bytes) -> list[str]:
    """Tokens and home folders among the bytes of a video or picture."""
    kinds = []
    for match in _IN_BYTES.finditer(data):
        words = match[0].decode(errors="replace")
        kinds.append(f"folder {words}" if words[0] == "/" or words[1:2] == ":" else f"token {_hidden(words)}")
    return list(dict.fromkeys(kinds))


def _hidden(token: str) -> str:
    return f"{token[:_SHOWN]}… ({len(token)} characters)"


def _mails(text: str) -> list[str]:
    plain = _MAIL.findall(text)
    return [*plain, *_MAIL_ANYWHERE.findall(_MAIL.sub(" ", text))]


def _mail(address: str) -> str:
    name, _, host = address.replace("＠", "@").partition("@")
    return f"{name[:1]}…@{host}"
