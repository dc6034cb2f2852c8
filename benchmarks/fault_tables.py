"""What benchmarks of injected faults print alike: rates, limits, and what is caught of each fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pvtt_data.calibration.choose import Rate


def rate_text(plain: Mapping[str, float]) -> str:
    """Two cells of a table: how many of how many, and the interval."""
    share = plain["caught"] / plain["of"] if plain["of"] else float("nan")
    return f"{plain['caught']:.0f} of {plain['of']:.0f} ({share:.1%}) | {plain['low']:.1%} to {plain['high']:.1%}"


def limit_text(limit: float | None) -> str:
    """A limit; nothing where there is none."""
    return "" if limit is None else f"{limit:g}"


def print_false_alarms(right: str, results: Mapping[str, Any]) -> None:
    """How many of what is right were flagged, in each half and by variant.

    Args:
        right: what is right, in words.
    """
    print(f"\n| {right} | flagged | 95 % interval |\n| --- | --- | --- |")
    for title, rates in (("half", results["false_alarms"]), ("reporting half:", results["false_alarms_by_variant"])):
        for name, plain in rates.items():
            print(f"| {title} {name} | {rate_text(plain)} |")


def print_detection(results: Mapping[str, Any], target: float) -> None:
    """How many of each fault were caught, by strength, and whether that meets a target."""
    print("\n| fault | setting strengths | unseen strengths | all | weaker | target |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, roles in results["detection"].items():
        hits, count = (sum(int(roles[role][key]) for role in ("setting", "unseen")) for key in ("caught", "of"))
        whole = Rate(hits, count)
        cells = [
            rate_text(plain).replace(" | ", ", ")
            for plain in (*(roles[r] for r in ("setting", "unseen")), whole.to_plain())
        ]
        weak = rate_text(roles["weak"]).replace(" | ", ", ") if roles["weak"]["of"] else ""
        print(f"| {kind} | {' | '.join(cells)} | {weak} | {'met' if whole.share >= target else 'missed'} |")
