"""Files that nobody vouches for are refused with a reason, and open nothing but themselves."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from made_videos import numbered_pictures, write_video

from pvtt_data.errors import InputError
from pvtt_data.media import Limits, open_media


class Canary:
    """A web server and a named pipe that notice being read."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        canary = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canary.requests.append(self.path)
                self.send_response(404)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret.mp4"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.pipe_path = folder / "secret.mp4"
        os.mkfifo(self.pipe_path)
        self.pipe = os.open(self.pipe_path, os.O_RDWR)
        os.write(self.pipe, b"s" * 1000)

    def unread_bytes(self) -> int:
        return int(struct.unpack("i", fcntl.ioctl(self.pipe, termios.FIONREAD, b"\0" * 4))[0])

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        os.close(self.pipe)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    canary = Canary(tmp_path)
    yield canary
    canary.close()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXTINF:9,\n{file}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile secret.mp4\n",
    "concat-url": "ffconcat version 1.0\nfile '{url}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="1" mimeType="video/mp4"><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period>'
    "</MPD>",
    "webm-dash": "<Playlist>{file}</Playlist>",
}


@pytest.mark.parametrize("name", ["video.mp4", "video.m3u8", "video"])
@pytest.mark.parametrize("kind", sorted(PLAYLISTS))
def test_a_playlist_opens_neither_files_nor_hosts(tmp_path: Path, canary: Canary, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(PLAYLISTS[kind].format(url=canary.url, file=canary.pipe_path))
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason in ("forbidden-format", "not-media")
    assert canary.requests == []
    assert canary.unread_bytes() == 1000


def test_ffmpeg_left_alone_follows_such_a_playlist(tmp_path: Path) -> None:
    write_video(tmp_path / "secret.mp4", numbered_pictures(3))
    path = tmp_path / "video.mp4"
    path.write_text(PLAYLISTS["concat"])
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3


def test_a_name_is_never_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    odd = Path("concat:a%03d|b.mp4")
    write_video(tmp_path / "plain.mp4", numbered_pictures(3)).rename(tmp_path / odd)
    assert len(open_media(odd).timeline) == 3


@pytest.mark.parametrize("data", [b"", b"hello " * 1000, b"\0" * 5000])
def test_what_is_no_video_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason == "not-media"


def test_formats_off_the_list_are_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.gif", numbered_pictures(3), codec="gif", pix_fmt="rgb8", rate=10)
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason == "forbidden-format"


def test_codecs_off_the_list_are_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mov", numbered_pictures(3), codec="qtrle", pix_fmt="rgb24")
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason == "forbidden-codec"


def test_a_file_without_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError) as refused:
        open_media(path)
    assert refused.value.reason == "no-video-stream"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_bytes=100), "too-large"),
        (Limits(max_pixels=1000), "too-many-pixels"),
        (Limits(max_duration_s=0.5), "too-long"),
        (Limits(max_frames=10), "too-long"),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_what_is_beyond_the_limits_is_refused(tmp_path: Path, limits: Limits, reason: str, suffix: str) -> None:
    codec = "libx264" if suffix == ".mp4" else "mpeg4"
    path = write_video(tmp_path / f"video{suffix}", numbered_pictures(30), codec=codec)
    with pytest.raises(InputError) as refused:
        assert len(open_media(path, limits).timeline)
    assert refused.value.reason == reason


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        open_media(tmp_path / "none.mp4")
    assert refused.value.reason == "missing-file"
