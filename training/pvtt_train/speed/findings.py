"""What a self-test found, the file that keeps it, and which settings follow from it.

A setting is turned off for being wrong, never for want of time, and one that saves memory not for being slow either:
without it there may be no room.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pvtt_data.files import write_whole
from pvtt_train.speed.config import Attention, SpeedConfig

COMPILED, FLOAT8 = "compiled", "float8"
"""Names of findings; those of attention's kernels are `attention_name`'s."""
UNTRIED = "not tried: no time left"
"""Fault of a candidate that nothing is known of."""
KERNELS: tuple[Attention, ...] = ("torch", "cudnn", "flash", "efficient")
"""Of attention, that `auto` stands for."""
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a candidate.

    Attributes:
        name: of it.
        seconds: of forward and backward of three blocks; the shortest of a few.
        distance: of its gradient to float32's, relative.
        fault: why nothing speaks for it: it raised, is not right, or is `UNTRIED`; empty if it may be used.
    """

    name: str
    seconds: float
    distance: float
    fault: str

    @property
    def is_wrong(self) -> bool:
        """Whether it was tried and may not be used."""
        return self.fault not in ("", UNTRIED)

    def __str__(self) -> str:
        figures = f"{self.seconds * 1000:.1f} ms, gradient {self.distance:.2%} from float32"
        return f"{self.name}: {self.fault or figures}"


def attention_name(kernel: Attention) -> str:
    """Name of the finding of a kernel."""
    return f"attention {kernel}"


def found_once(
    question: Mapping[str, object],
    tried: Callable[[], Sequence[Finding]],
    *,
    kept_in: Path | None = None,
    told: Told = lambda words: None,
) -> list[Finding]:
    """Findings, from a file that has them already or else made and kept there.

    Args:
        question: all that findings depend on, as JSON knows it.
        tried: makes the findings; not called if the file holds an answer to the same question.
        kept_in: the file.
        told: is told what was found, a line at a time.
    """
    if kept_in is not None and kept_in.exists():
        kept = json.loads(kept_in.read_text(encoding="utf-8"))
        if kept["question"] == dict(question):
            told(f"as found before on this GPU (kept in {kept_in})")
            return _findings(kept)
    findings = list(tried())
    for finding in findings:
        told(str(finding))
    if kept_in is not None:
        record = {"question": question, "findings": [asdict(finding) for finding in findings]}
        kept_in.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept_in, json.dumps(record, indent=1).encode())
    return findings


def decide(
    wanted: SpeedConfig,
    findings: Sequence[Finding],
    has_room: Callable[[SpeedConfig], bool] = lambda speed: True,
    told: Told = lambda words: None,
) -> SpeedConfig:
    """Settings that findings speak for: the fastest attention kernel that is right, and what is wanted but wrong off.

    Compiled blocks that are slower are turned off as well, where there is room without them; float8 is not, which is
    seldom wanted for its speed alone.

    Args:
        wanted: settings to start from. Of them, attention is changed where it is `auto`; compile, tuned and fp8 where
            they are true.
        findings: of a self-test that began with them.
        has_room: whether the memory is enough for settings.
        told: is told, a line each, what stays as it is set although nothing speaks for it.
    """
    by_name = {finding.name: finding for finding in findings}
    plain = min((finding.seconds for finding in findings if _is_right_kernel(finding)), default=float("inf"))
    compiled, float8 = by_name.get(COMPILED), by_name.get(FLOAT8)
    exact = float8 is not None and float8.is_wrong
    found = wanted.model_copy(
        update={"attention": fastest_attention(wanted, findings), "fp8": wanted.fp8 and not exact}
    )
    before = plain
    if wanted.compile and compiled is not None:
        slower = not compiled.fault and compiled.seconds >= plain
        without = found.model_copy(update={"compile": False, "tuned": False})
        if compiled.is_wrong or (slower and has_room(without)):
            found = without
        elif slower:
            told("compiled blocks stay, though they are slower here: there is no room without them")
        elif compiled.fault:
            told(f"compiled blocks stay as set: {compiled.fault}")
        else:
            before = compiled.seconds
    if found.fp8 and float8 is not None:
        if float8.fault:
            told(f"float8 stays as set: {float8.fault}; how far its gradient is off is not known")
        elif float8.seconds >= before:
            told("float8 stays as set, though it is no faster here; with room for exact weights, --set speed.fp8=false")
    return found


def turned_off(wanted: SpeedConfig, kept_in: Path) -> list[str]:
    """Which of the wanted settings a self-test found wrong, with the reason, a line each: what a person should be told
    where there is no room without them.

    Args:
        wanted: settings that it began with.
        kept_in: the file of its findings; if there is none, nothing was turned off.
    """
    if not kept_in.exists():
        return []
    found = _findings(json.loads(kept_in.read_text("utf-8")))
    wrong = {finding.name: finding.fault for finding in found if finding.is_wrong}
    settings = {"speed.compile": (wanted.compile, COMPILED), "speed.fp8": (wanted.fp8, FLOAT8)}
    return [
        f"{setting} was turned off by the self-test: {wrong[name]}"
        for setting, (on, name) in settings.items()
        if on and name in wrong
    ]


def fastest_attention(wanted: SpeedConfig, findings: Sequence[Finding]) -> Attention:
    """The fastest kernel that is right; what is wanted if that is no `auto`, or if none is known to be right."""
    seconds = {finding.name: finding.seconds for finding in findings if _is_right_kernel(finding)}
    right = [kernel for kernel in KERNELS if attention_name(kernel) in seconds]
    if wanted.attention != "auto" or not right:
        return wanted.attention
    return min(right, key=lambda kernel: seconds[attention_name(kernel)])


def _is_right_kernel(finding: Finding) -> bool:
    return finding.name.startswith("attention") and not finding.fault


def _findings(kept: Mapping[str, list[dict[str, object]]]) -> list[Finding]:
    return [Finding(**finding) for finding in kept["findings"]]  # type: ignore[arg-type]
