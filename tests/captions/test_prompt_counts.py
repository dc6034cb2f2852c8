"""Repeated prompts are counted, and too many of one are said to be too many."""

from __future__ import annotations

from collections import Counter

from pvtt_data.captions.counts import count_prompts


def test_prompts_are_counted_and_the_most_frequent_named() -> None:
    counts = count_prompts(["b", "a", "a", "c", "c", "d"])
    assert (counts.samples, counts.distinct) == (6, 4)
    assert counts.most_frequent == (("a", 2), ("c", 2))
    assert counts.text() == "4 different prompts of 6; the most frequent stands 2 times: a"
    assert count_prompts(Counter({"a": 2, "b": 1})) == count_prompts(["a", "b", "a"])
    assert count_prompts([]).text() == "no prompts"
    assert count_prompts(["a", "b"]).text() == "2 different prompts of 2"


def test_a_prompt_that_stands_with_too_many_samples_is_warned_of() -> None:
    few = count_prompts(["a"] * 10 + ["b"])
    assert few.warning(0.01) == ""
    many = count_prompts(["a"] * 30 + [f"b{number}" for number in range(70)])
    assert many.warning(0.3) == ""
    assert many.warning(0.2).startswith("30 of 100 samples have the same prompt, more than captions.max_repeat_share")
