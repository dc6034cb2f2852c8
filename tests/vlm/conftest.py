"""A chat server for tests of the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat_server import ChatServer, chat_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.delenv("PVTT_VLM_KEY", raising=False)
    with chat_server() as running:
        yield running
