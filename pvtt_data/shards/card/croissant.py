"""`croissant.json`: the version in the words of Croissant 1.0, the format of MLCommons for describing datasets.

Addresses of files are relative to it, so it holds wherever the version lies. Three kinds of records:

- ``train``, ``validation``, ``test``: the facts of each sample, as in its JSON, out of ``facts/``.
- ``source``, ``target``, their masks, ``reference_0``, …: the key of each sample and the bytes of one member.
- ``members``: where each member lies, out of the index.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pvtt_data.publish.licences import LICENCES
from pvtt_data.shards.card.features import all_members, json_types
from pvtt_data.shards.card.head import languages
from pvtt_data.shards.card.parts import CardParts
from pvtt_data.shards.card.sections import citation
from pvtt_data.shards.card.words import ENGINES, duration
from pvtt_data.shards.format import INDEX_FILE, JSON_MEMBER, LICENCES_FILE, facts_path, readable_json
from pvtt_data.shards.index import INDEX_SCHEMA

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_RESPONSIBLE_AI = "http://mlcommons.org/croissant/RAI/1.0"
_KEY = r"^(?:.*/)?([0-9a-f]{16})\.[^/]*$"
_TYPES = {"string": "sc:Text", "int64": "cr:Int64", "float64": "cr:Float64", "list": "sc:Text"}
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant_bytes(parts: CardParts) -> bytes:
    """The file."""
    return readable_json(_document(parts))


def _document(parts: CardParts) -> dict[str, Any]:
    config = parts.config
    address = f"https://huggingface.co/datasets/{config.repository}" if config.repository else config.homepage
    document: dict[str, Any] = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": [CONFORMS_TO, _RESPONSIBLE_AI],
        "name": parts.name,
        "alternateName": parts.title,
        "description": _description(parts),
        "license": _licence(parts),
        "citeAs": citation(parts),
        "keywords": ["video", "video editing", "video inpainting", "product video", "object replacement"],
        "inLanguage": languages(parts.facts),
        "distribution": list(_distribution(parts)),
        "recordSet": list(_record_sets(parts)),
    }
    document |= _responsible(parts)
    if address:
        document["url"] = address
    if config.authors:
        document["creator"] = [{"@type": "sc:Person", "name": author} for author in config.authors]
    if config.released:
        document["datePublished"] = config.released
    return document


def _description(parts: CardParts) -> str:
    facts = parts.facts
    text = (
        f"{facts.samples} training triples for product video template transfer ({duration(facts.seconds, 'en')}):"
        " a video that shows product A, pictures of product B, and the same video with B in A's place, with masks."
    )
    return f"{parts.config.summary.strip()}\n\n{text}" if parts.config.summary.strip() else text


def _responsible(parts: CardParts) -> dict[str, Any]:
    """What the extension for responsible AI asks for, as far as it is known."""
    engines = ENGINES["en"]
    limits = [f"{name}: {engines[name].limit}" for name in sorted(parts.facts.engines) if name in engines]
    models = [f"{line.name} {line.digest}".strip() for line in parts.terms.models]
    return {
        "rai:dataUseCases": "Training and measuring models that replace a product in a video by pictures of another.",
        "rai:dataLimitations": limits,
        "rai:machineAnnotationTools": models,
        "rai:personalSensitiveInformation": (
            "Product videos may show hands and people. The card's section on people and privacy says what is looked for"
            " before a version is published, and how to have something taken down."
        ),
    }


def _licence(parts: CardParts) -> str:
    """An address of the licence's text; where there is no single one, the file that names them all."""
    known = next((one for one in LICENCES.values() if one.hub and one.hub == parts.licence), None)
    if known is not None:
        return known.source
    return parts.config.licence_link or LICENCES_FILE


def _distribution(parts: CardParts) -> Iterator[dict[str, Any]]:
    tars = [path for path, entry in sorted(parts.shards.items()) if entry.samples]
    for path in tars:
        entry = parts.shards[path]
        yield _file(path, "application/x-tar", entry.sha256, entry.bytes)
    for path, file in sorted(parts.files.items()):
        if path.endswith(".parquet"):
            yield _file(path, "application/x-parquet", file.sha256, file.bytes)
    for member in all_members(list(parts.counts), parts.reference_count, parts.heldout_count):
        holders = [path for path in tars if not member.startswith("heldout") or not path.startswith("data/train-")]
        if not holders:
            continue
        yield {
            "@type": "cr:FileSet",
            "@id": f"files-{member}",
            "name": f"files-{member}",
            "description": f"The member {member} of every sample.",
            "containedIn": [{"@id": path} for path in holders],
            "encodingFormat": _medium(member),
            "includes": f"*.{member}",
        }


def _file(path: str, medium: str, sha256: str, size_bytes: int) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "contentSize": f"{size_bytes} B",
        "encodingFormat": medium,
        "sha256": sha256,
    }


def _medium(member: str) -> str:
    if member == JSON_MEMBER:
        return "application/json"
    return "video/mp4" if member.endswith(".mp4") else "image/png"


def _record_sets(parts: CardParts) -> Iterator[dict[str, Any]]:
    for split in parts.counts:
        yield _facts(split, sorted(parts.facts.number_names))
    filled = {path.removeprefix("data/").partition("-")[0] for path, entry in parts.shards.items() if entry.samples}
    for member in all_members(list(parts.counts), parts.reference_count, parts.heldout_count):
        if member != JSON_MEMBER and (not member.startswith("heldout") or filled - {"train"}):
            yield _member(member)
    columns = {field.name: "cr:Int64" if str(field.type) == "int64" else "sc:Text" for field in INDEX_SCHEMA}
    yield _table(
        "members", "Where each member lies: bytes [offset, offset + length) of the shard.", INDEX_FILE, columns
    )


def _facts(split: str, number_names: Sequence[str]) -> dict[str, Any]:
    path = facts_path(split)
    kinds = json_types()
    columns = {"key": "sc:Text", **{name: _TYPES[kind] for name, kind in kinds.items() if kind != "struct"}}
    made = _table(split, f"The facts of each sample of the split {split}.", path, columns)
    for field in made["field"]:
        if kinds.get(field["@id"].rpartition("/")[2]) == "list":
            field["repeated"] = True
    numbers = []
    for name in number_names:
        field = _field(f"{split}/numbers/{name}", "cr:Float64", {"fileObject": {"@id": path}}, {"column": "numbers"})
        field["source"]["transform"] = {"jsonPath": f'"{name}"'}
        numbers.append(field)
    made["field"].append(
        {
            "@type": "cr:Field",
            "@id": f"{split}/numbers",
            "name": f"{split}/numbers",
            "description": "Measurements; -1000 stands for one that the sample's engine does not have.",
            "subField": numbers,
        }
    )
    return made | {"key": {"@id": f"{split}/key"}}


def _member(member: str) -> dict[str, Any]:
    name, files = member.rpartition(".")[0], f"files-{member}"
    kind = "sc:VideoObject" if member.endswith(".mp4") else "sc:ImageObject"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"The member {member} of each sample.",
        "key": {"@id": f"{name}/key"},
        "field": [
            _key(name, files),
            _field(f"{name}/content", kind, {"fileSet": {"@id": files}}, {"fileProperty": "content"}),
        ],
    }


def _table(name: str, description: str, path: str, columns: Mapping[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "field": [
            _field(f"{name}/{column}", kind, {"fileObject": {"@id": path}}, {"column": column})
            for column, kind in columns.items()
        ],
    }


def _key(record_set: str, files: str) -> dict[str, Any]:
    field = _field(f"{record_set}/key", "sc:Text", {"fileSet": {"@id": files}}, {"fileProperty": "filename"})
    field["source"]["transform"] = {"regex": _KEY}
    return field | {"description": "Key of the sample: 16 hex digits."}


def _field(name: str, kind: str, origin: Mapping[str, Any], extract: Mapping[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        "dataType": kind,
        "source": {**origin, "extract": dict(extract)},
    }
