"""The endpoint's client, against a real server on this machine: what it sends, whom it believes, when it gives up."""

from __future__ import annotations

import io
import json
import time

import numpy as np
import pytest
from chat_server import ChatServer, Reply, says
from PIL import Image
from pydantic import ValidationError

from pvtt_data.vlm.config import EndpointConfig, ModelConfig
from pvtt_data.vlm.contact import MAX_SHEET_BYTES, contact_sheet, spread_frames
from pvtt_data.vlm.endpoint import MAX_ANSWER_BYTES
from pvtt_data.vlm.errors import AskingError, UnansweredError

KEY = "sk-very-secret-0123456789"
PICTURE = contact_sheet([np.zeros((8, 8, 3), np.uint8)], 1, 128)


def test_a_question_goes_out_with_its_pictures_and_the_answer_comes_back(server: ChatServer) -> None:
    server.replies = [says("a mug")]
    assert server.endpoint().ask("be brief", "what is it?", [PICTURE, PICTURE]) == "a mug"
    (request,) = server.requests
    assert server.paths == ["/v1/chat/completions"]
    assert (request["model"], request["temperature"]) == ("eye-1", 0)
    assert request["messages"][0] == {"role": "system", "content": "be brief"}
    assert server.text() == "what is it?"
    assert [picture.format for picture in server.pictures()] == ["JPEG", "JPEG"]
    assert "authorization" not in server.headers[0]


def test_the_key_comes_from_the_environment_and_is_never_repeated(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PVTT_VLM_KEY", KEY)
    endpoint = server.endpoint()
    server.replies = [says(f"your key is {KEY}"), Reply(401, f"bad key {KEY}".encode()), Reply(400, f"{KEY}?".encode())]
    assert endpoint.ask("", "", []) == "your key is ***"
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    with pytest.raises(
        AskingError, match=r"answered 401: bad key \*\*\*; the key in PVTT_VLM_KEY is refused"
    ) as refused:
        endpoint.ask("", "", [])
    with pytest.raises(UnansweredError, match=r"answered 400: \*\*\*\?") as unanswered:
        endpoint.ask("", "", [])
    assert KEY not in f"{refused.value!r}{unanswered.value!r}{endpoint!r}{endpoint.config!r}"


def test_without_a_key_a_refusal_says_that_there_is_none(server: ChatServer) -> None:
    server.replies = [Reply(401)]
    with pytest.raises(AskingError, match="the key in PVTT_VLM_KEY is not set"):
        server.endpoint().ask("", "", [])
    assert len(server.requests) == 1


@pytest.mark.parametrize("trouble", [Reply(429), Reply(500), Reply(503), Reply(529), Reply(breaks=True)])
def test_a_busy_or_broken_server_is_asked_again_after_growing_pauses(server: ChatServer, trouble: Reply) -> None:
    server.replies = [trouble, trouble, trouble, says("here")]
    assert server.endpoint().ask("", "", []) == "here"
    assert [pause for pause in server.slept if pause >= 0.5] == [1.0, 2.0, 4.0]


def test_a_server_says_how_long_to_wait_up_to_a_minute(server: ChatServer) -> None:
    server.replies = [
        Reply(429, headers={"Retry-After": "7"}),
        Reply(429, headers={"Retry-After": "86400"}),
        Reply(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        says("here"),
    ]
    assert server.endpoint().ask("", "", []) == "here"
    assert [pause for pause in server.slept if pause >= 0.5] == [7.0, 60.0, 4.0]


def test_after_so_many_attempts_a_question_stays_unanswered(server: ChatServer) -> None:
    server.usual = lambda request: Reply(500, b"<html>\x1b[31mdown</html>")
    with pytest.raises(UnansweredError, match=r"answered 500: <html> \[31mdown</html> \(3 attempts\)"):
        server.endpoint(attempts=3).ask("", "", [])
    assert len(server.requests) == 3


def test_a_machine_that_nobody_answers_on_is_said_to_be_gone(server: ChatServer) -> None:
    server.url = "http://127.0.0.1:9/v1"
    with pytest.raises(UnansweredError, match="cannot be reached: Connection refused"):
        server.endpoint(attempts=2).ask("", "", [])


def test_a_server_that_says_nothing_is_not_waited_for(server: ChatServer) -> None:
    def slow(request: object) -> Reply:
        time.sleep(1.0)
        return says("late")

    server.usual = slow
    with pytest.raises(UnansweredError, match="timed out"):
        server.endpoint(attempts=1, timeout_s=0.1).ask("", "", [])


def test_a_server_that_never_ends_is_not_listened_to_for_ever(server: ChatServer) -> None:
    server.replies = [Reply(body=b" " * 1000, drips=True)]
    with pytest.raises(UnansweredError, match="timed out"):
        server.endpoint(attempts=1, timeout_s=0.2).ask("", "", [])


def test_an_answer_that_ends_too_early_is_asked_for_again(server: ChatServer) -> None:
    whole = says("a mug")
    server.replies = [Reply(body=whole.body[:-20], headers={"Content-Length": str(len(whole.body))}), whole]
    assert server.endpoint().ask("", "", []) == "a mug"


def test_a_redirection_is_not_followed(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVTT_VLM_KEY", KEY)
    server.replies = [Reply(302, headers={"Location": f"{server.url}/elsewhere"})]
    with pytest.raises(AskingError, match="answered 302"):
        server.endpoint().ask("", "", [])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"not json", b"[]", b'{"choices": []}', b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": {"a": 1}}}]}', b"\xff\xfe", b"[" * 100_000,
    ],
)  # fmt: skip
def test_an_answer_that_is_no_chat_completion_is_none(server: ChatServer, body: bytes) -> None:
    server.replies = [Reply(body=body)]
    with pytest.raises(UnansweredError):
        server.endpoint().ask("", "", [])


def test_an_endless_answer_is_cut_short(server: ChatServer) -> None:
    server.replies = [says("x" * (MAX_ANSWER_BYTES + 1))]
    with pytest.raises(UnansweredError, match="more than 1048576 bytes"):
        server.endpoint().ask("", "", [])


def test_an_answer_in_parts_is_put_together(server: ChatServer) -> None:
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "mug"}]
    server.replies = [Reply(body=json.dumps({"choices": [{"message": {"content": parts}}]}).encode())]
    assert server.endpoint().ask("", "", []) == "a mug"


def test_requests_keep_their_distance(server: ChatServer) -> None:
    endpoint = server.endpoint(requests_per_minute=30)
    for _ in range(3):
        endpoint.ask("", "", [])
    assert server.slept == [2.0, 2.0]


def test_a_proxy_of_the_environment_is_none_for_this_machine(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.replies = [says("here")]
    assert server.endpoint(attempts=1).ask("", "", []) == "here"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "http://localhost/v1", "http://[::1]:80/v1", "https://api.example.com/v1/"]
)
def test_plain_http_goes_to_this_machine_and_https_anywhere(url: str) -> None:
    assert EndpointConfig(base_url=url, model="m").place == f"{url.rstrip('/')}/chat/completions"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_url": "http://api.example.com/v1"}, "http goes to this machine only"),
        ({"base_url": "http://127.0.0.1.example.com/v1"}, "http goes to this machine only"),
        ({"base_url": "file:///etc/passwd"}, "begins with https"),
        ({"base_url": "https://user:pw@api.example.com"}, "without user, password"),
        ({"base_url": "https://api.example.com/v1?key=1"}, "without user, password"),
        ({"key_variable": KEY}, "never the key itself"),
        ({"model": "two words"}, "match pattern"),
    ],
)
def test_a_recipe_cannot_send_keys_around(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EndpointConfig.model_validate({"base_url": "https://api.example.com/v1", "model": "m", **settings})
    assert EndpointConfig(base_url="http://api.example.com/v1", model="m", plain_http=True).plain_http


def test_a_model_is_behind_an_endpoint_or_here_and_not_both() -> None:
    with pytest.raises(ValidationError, match="either endpoint or local"):
        ModelConfig()
    with pytest.raises(ValidationError, match="either endpoint or local"):
        ModelConfig.model_validate({"endpoint": {"base_url": "https://a.b/v1", "model": "m"}, "local": {"folder": "f"}})


def test_contact_sheets_show_all_pictures_and_stay_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (6, 1200, 900, 3), np.uint8)
    data = contact_sheet(list(noise), 3, 2048)
    assert len(data) <= MAX_SHEET_BYTES
    sheet = Image.open(io.BytesIO(data))
    assert sheet.format == "JPEG" and max(sheet.size) <= 2048
    clear = np.zeros((40, 30, 4), np.uint8)
    white = np.asarray(Image.open(io.BytesIO(contact_sheet([clear, clear], 2, 256))))
    assert white.min() > 240
    assert contact_sheet(list(noise), 3, 512) == contact_sheet(list(noise), 3, 512)


def test_frames_are_spread_from_the_first_to_the_last() -> None:
    assert spread_frames(49, 4) == [0, 16, 32, 48]
    assert spread_frames(2, 6) == [0, 1]
    assert spread_frames(1, 6) == [0]
