"""The report tells what people said and what came of it."""

from __future__ import annotations

from pathlib import Path

from fake_build import FakeBuild
from reviews_said import said

from pvtt_data.reviews.applied import applied_verdict
from pvtt_data.reviews.effective import standings
from pvtt_data.reviews.records import Review


def test_verdicts_are_counted_and_disagreements_named(tmp_path: Path) -> None:
    build = FakeBuild(tmp_path)
    words: list[Review] = [said("reject", about=n) for n in range(3)]
    words += [said("accept", "ben", about=0), said("relabel", about="file", category="<b>cups")]
    build.tables.verdicts = [
        applied_verdict(standing, f"row {n}", "<script>mug", {"dropped"} if standing.kind == "mask" else {"relabelled"})
        for n, standing in enumerate(standings(words).values())
    ]
    page = build.write(tmp_path / "report.html")
    section = page[page.index('<section id="verdicts">') : page.index('<section id="products">')]
    text = " ".join(section.replace("<", " <").split())
    assert "mask </td> <td> <bdi>reject" in text and ">3 </td>" in text
    assert "category &lt;b&gt;cups" in text
    assert "<script>" not in section and "Reviewers disagree" in section and "&lt;script&gt;mug" in section


def test_a_build_without_verdicts_has_no_such_section(tmp_path: Path) -> None:
    assert 'id="verdicts"' not in FakeBuild(tmp_path).write(tmp_path / "report.html")
