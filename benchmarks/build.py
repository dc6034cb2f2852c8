"""From product videos to clips with masks: our line against the usual way, in one run.

    pip install -e ".[bench]" && python benchmarks/build.py [FOLDER] [--workers N] [--runs N]
    python benchmarks/build.py --memory [FOLDER] [--workers N]

The usual way is what a competent person puts together: the `scenedetect` command (detect-adaptive), ffmpeg to cut,
scale and encode each clip, U²-Net on every frame with one thread a process, webdataset's TarWriter; files are worked on
in as many processes as ours has. Both take the same files, the same clips (49 frames, 480×848 or 832×480, 16 fps, x264
veryfast crf 14, at most three windows a shot), the same model file, and write the same kind of tar. Ours measures,
filters and deduplicates besides, and checks the masks.

Target, set before the first run: at least 3 times the clips per second. The ratio of processor time is told beside it,
which other work on the machine does not change.

Without segmentation ours (measure … normalise) stands against decoding alone: every file decoded once by PyAV.

`--memory` builds up to the mask checks and looks at the memory of all processes ten times a second: the largest
process by resident set, and all of them together by proportional set, in which shared pages count once. It does so for
the folder and for one in which every file is ten times as long (repeated without encoding it again). Target, set before
the first run: the largest process below 2 GB, and not more than a tenth larger with the long files.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import multiprocessing
import multiprocessing.connection
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import onnxruntime
import webdataset

from pvtt_data.models import ModelRegistry
from pvtt_data.records import Clip, MaskTrack
from pvtt_data.stage import library_version
from pvtt_data.workspace import Workspace

ROOT = Path(__file__).parent.parent
FRAMES, FPS, CRF, WINDOWS = 49, 16, 14, 3
CLIP_S = FRAMES / FPS
SUFFIXES = {".mp4", ".mov", ".webm", ".mkv"}
LIBRARIES = ("av", "onnxruntime", "opencv-python-headless", "scenedetect-headless", "webdataset", "imageio-ffmpeg")

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Took:
    """What a way took.

    Attributes:
        clips: how many clips came out.
        wall_s: time on the clock.
        cpu_s: processor time of all processes.
    """

    clips: int
    wall_s: float
    cpu_s: float


def timed(work: Callable[[], int]) -> Took:
    """Run something that works in child processes, all of which have ended when it returns."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    clips = work()
    wall_s, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(clips, wall_s, cpu_s)


def in_child(function: Callable[..., int], *arguments: object) -> Took:
    """Time a function in a process of its own, so that nothing that one way loaded serves the other."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)

    def work() -> int:
        process = context.Process(target=_report, args=(send, function, arguments))
        process.start()
        clips = int(receive.recv())
        process.join()
        return clips

    return timed(work)


def _report(send: multiprocessing.connection.Connection, function: Callable[..., int], arguments: tuple) -> None:
    send.send(function(*arguments))


def videos(folder: Path) -> list[Path]:
    """Video files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


# Ours ----------------------------------------------------------------------------------------------------------------


def ours(folder: Path, scratch: Path, workers: int, until: str) -> int:
    """Build up to a stage by the command line, and write clips and masks as a tar."""
    command = [
        sys.executable, "-m", "pvtt_data.cli", "build", str(ROOT / "recipes" / "ecommerce.yaml"),
        "--set", f"mine.folder={folder}", "--set", "render=null", "--set", "normalise.sizes=[480x848, 832x480]",
        "--work", str(scratch / "work"), "--out", str(scratch / "out"), "--workers", str(workers), "--until", until,
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    workspace = Workspace(scratch / "work")
    clips = {clip.clip_id: clip for clip in workspace.read_table("clips", Clip)}
    if until == "normalise":
        return len(clips)
    tracks = workspace.read_table("tracks", MaskTrack)
    with webdataset.TarWriter(str(scratch / "clips.tar")) as tar:
        for track in tracks:
            sample = {"clip.mp4": clips[track.clip_id].video, "mask.mp4": track.mask}
            members = {name: workspace.store.path(blob).read_bytes() for name, blob in sample.items()}
            tar.write({"__key__": track.track_id[:16], **members, "json": json.dumps(dict(track.numbers)).encode()})
    return len(tracks)


def stage_seconds(scratch: Path) -> dict[str, float]:
    """Stage → seconds on the clock, from the run's log."""
    (log,) = (scratch / "work" / "runs").glob("*/log.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return {event["stage"]: event["seconds"] for event in events if event["event"] == "stage" and event["seconds"]}


# The usual way -------------------------------------------------------------------------------------------------------


def usual_way(folder: Path, scratch: Path, workers: int, model: Path) -> int:
    """All files, one after the other in each process; then one tar."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=_load, initargs=(model,)) as pool:
        jobs = [(path, scratch / f"{number:04d}") for number, path in enumerate(videos(folder))]
        made = [clip for clips in pool.imap(_one_video, jobs, chunksize=1) for clip in clips]
        pool.close()
        pool.join()
    with webdataset.TarWriter(str(scratch / "clips.tar")) as tar:
        for clip in made:
            mask = clip.with_suffix(".mask.mp4")
            key = f"{clip.parent.name}-{clip.stem}"
            tar.write({"__key__": key, "clip.mp4": clip.read_bytes(), "mask.mp4": mask.read_bytes(), "json": b"{}"})
    return len(made)


_session: onnxruntime.InferenceSession


def _load(model: Path) -> None:
    global _session
    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    _session = onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])


def _one_video(job: tuple[Path, Path]) -> list[Path]:
    path, folder = job
    folder.mkdir()
    tool = Path(sys.executable).parent / "scenedetect"
    arguments = ["-q", "-i", str(path), "-o", str(folder), "detect-adaptive", "list-scenes", "-q", "-f", "scenes.csv"]
    subprocess.run([str(tool), *arguments], check=True, stdout=subprocess.DEVNULL)
    with (folder / "scenes.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    heads = next(number for number, line in enumerate(lines) if "Start Time (seconds)" in line)
    scenes = list(csv.DictReader(io.StringIO("\n".join(",".join(line) for line in lines[heads:]))))
    made = []
    for scene in scenes:
        begin, end = float(scene["Start Time (seconds)"]), float(scene["End Time (seconds)"])
        count = min(WINDOWS, int((end - begin) / CLIP_S))
        slack = (end - begin - count * CLIP_S) / (count + 1)
        for number in range(count):
            clip = folder / f"{len(made):03d}.mp4"
            _cut(path, begin + slack * (number + 1) + CLIP_S * number, clip)
            _segment(clip)
            made.append(clip)
    return made


def _cut(path: Path, start_s: float, clip: Path) -> None:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        width, height = (480, 848) if stream.height >= stream.width else (832, 480)
    fit = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    arguments = ["-ss", f"{start_s:.3f}", "-i", str(path), "-vf", f"fps={FPS},{fit}", "-frames:v", str(FRAMES), "-an"]
    _ffmpeg([*arguments, *_codec(f"-crf {CRF}"), str(clip)])


def _segment(clip: Path) -> None:
    reader = cv2.VideoCapture(str(clip))
    masks = []
    while True:
        read, bgr = reader.read()
        if not read:
            break
        masks.append(_mask(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)))
    reader.release()
    height, width = masks[0].shape
    arguments = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", str(FPS), "-i", "-"]
    _ffmpeg([*arguments, *_codec("-qp 0"), str(clip.with_suffix(".mask.mp4"))], b"".join(m.tobytes() for m in masks))


def _mask(rgb: Mask) -> Mask:
    small = cv2.resize(rgb, (320, 320), interpolation=cv2.INTER_AREA).astype(np.float32)
    planes = (small / max(float(small.max()), 1.0) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    feed = {_session.get_inputs()[0].name: planes.transpose(2, 0, 1)[None].astype(np.float32)}
    raw = _session.run([_session.get_outputs()[0].name], feed)[0][0, 0]
    stretched = (raw - raw.min()) / max(float(raw.max() - raw.min()), 1e-6)
    return (cv2.resize(stretched, (rgb.shape[1], rgb.shape[0])) > 0.5).astype(np.uint8) * 255


def _codec(quality: str) -> list[str]:
    return ["-c:v", "libx264", "-preset", "veryfast", *quality.split(), "-pix_fmt", "yuv420p", "-threads", "1"]


def _ffmpeg(arguments: list[str], data: bytes | None = None) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True, input=data)


# The limit -----------------------------------------------------------------------------------------------------------


def decode_only(folder: Path, workers: int) -> int:
    """Decode every frame of every file once, one thread a file."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        frames = pool.map(_decode, videos(folder), chunksize=1)
        pool.close()
        pool.join()
    return len(frames)


def _decode(path: Path) -> int:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


# Memory --------------------------------------------------------------------------------------------------------------


class Watch:
    """Looks at the memory of this process's descendants (Linux)."""

    def __init__(self) -> None:
        self.largest_rss_bytes = 0
        self.all_pss_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            sizes = [_memory(pid) for pid in _descendants(os.getpid())]
            self.largest_rss_bytes = max([self.largest_rss_bytes, *(rss for rss, _ in sizes)])
            self.all_pss_bytes = max(self.all_pss_bytes, sum(pss for _, pss in sizes))


def _descendants(pid: int) -> list[int]:
    found = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in listing.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found


def _memory(pid: int) -> tuple[int, int]:
    """Resident and proportional set of a process in bytes; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    kilobytes = {line.split()[0]: int(line.split()[1]) for line in lines[1:] if len(line.split()) == 3}
    return kilobytes.get("Rss:", 0) * 1024, kilobytes.get("Pss:", 0) * 1024


def lengthened(folder: Path, to: Path, times: int) -> None:
    """Every video of a folder, repeated so many times by copying its packets."""
    for number, path in enumerate(videos(folder)):
        repeat = ["-stream_loop", str(times - 1), "-i", str(path), "-c", "copy", "-an"]
        _ffmpeg([*repeat, str(to / f"{number:04d}{path.suffix}")])


def compare_memory(folder: Path, workers: int) -> None:
    """Print the table of `--memory`."""
    print("| | seconds of video | largest process | all together |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        long = Path(name) / "long"
        long.mkdir()
        lengthened(folder, long, 10)
        for title, videos_of in (("the folder", folder), ("every file ten times as long", long)):
            scratch = Path(name) / title.replace(" ", "-")
            scratch.mkdir()
            with Watch() as seen:
                in_child(ours, videos_of, scratch, workers, "mask_qc")
            print(
                f"| {title} | {sum(map(_duration_s, videos(videos_of))):.0f} | {seen.largest_rss_bytes / 1e6:.0f} MB "
                f"| {seen.all_pss_bytes / 1e6:.0f} MB |",
                flush=True,
            )


def _duration_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return float((container.duration or 0) / av.time_base)


# ---------------------------------------------------------------------------------------------------------------------


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description="Our line against the usual way.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "samples" / "catalogue")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=int, default=1, help="repetitions, the two ways in turn; medians are told")
    parser.add_argument("--memory", action="store_true", help="look at memory instead of time")
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    if chosen.memory:
        compare_memory(folder, chosen.workers)
        print(f"\n{_conditions(chosen.workers)}")
        return
    model = ModelRegistry.default().pull("u2net")
    runs: dict[str, list[Took]] = {"usual way": [], "pvtt": [], "decode only": [], "pvtt, without segmentation": []}
    stages: dict[str, float] = {}
    for _ in range(chosen.runs):
        with tempfile.TemporaryDirectory() as name:
            scratch = Path(name)
            for part in ("ours", "usual", "short"):
                (scratch / part).mkdir()
            runs["usual way"].append(in_child(usual_way, folder, scratch / "usual", chosen.workers, model))
            runs["pvtt"].append(in_child(ours, folder, scratch / "ours", chosen.workers, "mask_qc"))
            stages = stage_seconds(scratch / "ours")
            runs["decode only"].append(in_child(decode_only, folder, chosen.workers))
            runs["pvtt, without segmentation"].append(
                in_child(ours, folder, scratch / "short", chosen.workers, "normalise")
            )
    _print(runs, stages, chosen.workers)


def _print(runs: dict[str, list[Took]], stages: dict[str, float], workers: int) -> None:
    print("| | clips | clips/s | s | CPU s | CPU s a clip |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, took in runs.items():
        wall_s = statistics.median(run.wall_s for run in took)
        cpu_s = statistics.median(run.cpu_s for run in took)
        clips = took[0].clips
        per_clip = "–" if name == "decode only" else f"{cpu_s / clips:.1f}"
        rate = "–" if name == "decode only" else f"{clips / wall_s:.3f}"
        number = "–" if name == "decode only" else str(clips)
        print(f"| {name} | {number} | {rate} | {wall_s:.1f} | {cpu_s:.1f} | {per_clip} |")
    pairs = list(zip(runs["usual way"], runs["pvtt"], strict=True))
    speed = statistics.median((o.clips / o.wall_s) / (u.clips / u.wall_s) for u, o in pairs)
    cpu = statistics.median((u.cpu_s / u.clips) / (o.cpu_s / o.clips) for u, o in pairs)
    print(f"\npvtt against the usual way: {speed:.2f} × the clips per second, {cpu:.2f} × by processor time (target 3)")
    limits = list(zip(runs["decode only"], runs["pvtt, without segmentation"], strict=True))
    far = statistics.median(o.cpu_s / d.cpu_s for d, o in limits)
    print(f"without segmentation: {far:.1f} × the processor time of decoding alone\n")
    print("where the time of pvtt goes: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stages.items()))
    print(f"\n{_conditions(workers)}")


def _conditions(workers: int) -> str:
    versions = ", ".join(f"{library} {library_version(library)}" for library in LIBRARIES)
    return f"{platform.machine()}, {workers} workers; Python {platform.python_version()}, {versions}"


if __name__ == "__main__":
    main()
