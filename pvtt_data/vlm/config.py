"""Which model is asked, and how."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from pvtt_data.stage import StageConfig

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class EndpointConfig(StageConfig):
    """A server that speaks OpenAI's chat completions, here or elsewhere."""

    base_url: Annotated[str, Field(max_length=500)]
    """Address up to the version, such as https://api.example.com/v1; /chat/completions is added."""
    model: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f]+$")]
    """Name of the model there. Answers belong to it: another name asks anew."""
    key_variable: str = "PVTT_VLM_KEY"
    """Environment variable that holds the key; where it is not set, none is sent."""
    plain_http: bool = False
    """Whether http to other machines is allowed; pictures and key are then readable on the way."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Longest wait for the server to say something, and for it to finish."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    """How often a question is sent when the server is busy, broken or gone, with growing pauses."""
    requests_per_minute: Annotated[float, Field(gt=0, le=100_000)] = 60.0
    """Most requests begun in a minute."""
    max_tokens: Annotated[int, Field(ge=16, le=32_768)] = 800
    """Longest answer asked for."""

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address that begins with https:// (http:// on this machine)")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("expected an address without user, password, query or fragment; keys go by key_variable")
        return url.rstrip("/")

    @field_validator("key_variable")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not _VARIABLE.fullmatch(name):
            raise ValueError("expected the name of an environment variable in capitals, never the key itself")
        return name

    @model_validator(mode="after")
    def _encrypted_or_here(self) -> EndpointConfig:
        if urlsplit(self.base_url).scheme == "http" and not self.plain_http and not self.on_this_machine:
            raise ValueError("http goes to this machine only; use https, or set plain_http: true")
        return self

    @property
    def on_this_machine(self) -> bool:
        """Whether the address is a loopback one."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def place(self) -> str:
        """Where requests go, for people."""
        return f"{self.base_url}/chat/completions"


class LocalConfig(StageConfig):
    """A model of transformers in a folder on this machine: Qwen2.5-VL and its like, or BLIP for captions."""

    folder: Path
    """Folder as `save_pretrained` writes it, with weights as safetensors; nothing is fetched, no code of it is run."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; auto takes a GPU where one answers."""
    max_tokens: Annotated[int, Field(ge=16, le=4096)] = 400
    """Longest answer."""


class ModelConfig(StageConfig):
    """The model that is asked: one behind an endpoint or one on this machine."""

    endpoint: EndpointConfig | None = None
    """A server; give this or local."""
    local: LocalConfig | None = None
    """A folder of weights; give this or endpoint."""
    frames: Annotated[int, Field(ge=1, le=16)] = 6
    """Frames of each video that it is shown, evenly spaced."""
    picture_px: Annotated[int, Field(ge=128, le=2048)] = 1024
    """Longer side of each contact sheet."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ModelConfig:
        if (self.endpoint is None) == (self.local is None):
            raise ValueError("give either endpoint or local")
        return self
