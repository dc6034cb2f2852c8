"""What a recipe says about the page that presents its dataset."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from pvtt_data.stage import StageConfig


def _one_line(text: str) -> str:
    if any(not character.isprintable() for character in text):
        raise ValueError("must be one line without control characters")
    return text


def _no_fence(text: str) -> str:
    if "```" in text or "~~~" in text:
        raise ValueError("must not hold ``` or ~~~, which would end the block it is shown in")
    return text


Line = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True), AfterValidator(_one_line)]
Address = Annotated[str, StringConstraints(pattern=r"^(https?://[A-Za-z0-9][!#-;=?-Z_a-z~]*)?$", max_length=500)]
"""An http address without characters that could end a link or an attribute; or nothing."""
Contact = Annotated[
    str,
    StringConstraints(
        pattern=r"^(https?://[A-Za-z0-9][!#-;=?-Z_a-z~]*|[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+)?$", max_length=300
    ),
]


class CardConfig(StageConfig):
    """The page of a dataset, and the files beside it; nothing here changes a sample."""

    title: Line = ""
    """Title of the page; the dataset's name by default."""
    summary: Annotated[str, StringConstraints(max_length=4000)] = ""
    """What this dataset is, in your own words: plain text, one or more paragraphs. It stands before everything else."""
    authors: tuple[Line, ...] = ()
    """Who made the dataset, for the citation and Croissant."""
    contact: Contact = ""
    """An e-mail or http address for takedowns and questions. It is published. Without one the page sends people to the
    discussions of the repository."""
    repository: Annotated[
        str, StringConstraints(pattern=r"^([A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*)?$", max_length=200)
    ] = ""
    """ORG/NAME on the Hub: examples and Croissant then name it, instead of ORG/NAME."""
    homepage: Address = ""
    """Address of a project's page or paper."""
    released: Annotated[str, StringConstraints(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""
    """Date of the release, as 2026-11-30: a dataset holds no clock, so it knows none by itself."""
    citation: Annotated[str, StringConstraints(max_length=4000), AfterValidator(_no_fence)] = ""
    """BibTeX; made from title, authors and address by default."""
    licence_name: Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9._-]*)?$", max_length=100)] = ""
    """Where the licence is "other": its short name on the Hub; several-licences by default."""
    licence_link: Annotated[
        str, StringConstraints(pattern=r"^(LICENSE\.md|https?://[A-Za-z0-9][!#-;=?-Z_a-z~]*)?$")
    ] = ""
    """Where the licence is "other": its text; LICENSE.md, which every version has, by default."""
    tags: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")], ...] = ()
    """Further tags on the Hub."""
    preview_samples: Annotated[int, Field(ge=0, le=500)] = 50
    """Samples whose pictures the Hub's viewer shows (the configuration preview); 0 makes no pictures at all."""
