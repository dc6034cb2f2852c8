"""What of a dataset's recipe may be used by who did not build it."""

from __future__ import annotations

from pvtt_data.stated_recipe import stated_section, without_machine


def test_no_file_folder_program_or_device_of_another_machine_is_taken_over() -> None:
    stated = {
        "name": "mugs",
        "mine": {"folder": "/srv/feed"},
        "segment": {
            "backend": "u2net",
            "device": "cuda",
            "vocabulary": "/x",
            "grounded": {"tracker_folder": "/y", "w": 1},
        },
        "synthesise": {"composite": {"fill_command": ["rm"], "fill_model": "/z", "distractor_share": 0.1}},
    }
    assert without_machine(stated) == {
        "name": "mugs",
        "segment": {"backend": "u2net", "grounded": {"w": 1}},
        "synthesise": {"composite": {"distractor_share": 0.1}},
    }
    assert stated["segment"]["device"] == "cuda", "it is a copy"  # type: ignore[index]
    assert without_machine({"segment": None, "synthesise": [1], "pictures": {}}) == {
        "segment": None, "synthesise": [1], "pictures": {},
    }  # fmt: skip


def test_a_section_that_is_not_there_is_empty() -> None:
    assert stated_section({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    assert stated_section({"a": [1]}, "a", "b") == stated_section({}, "a") == {}
