"""Tables of a build as a person asks for them, through DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from pvtt_data.errors import PvttError
from pvtt_data.line import TABLE_RECORDS
from pvtt_data.records import arrow_schema

VIEWS = {
    "sources": """
        SELECT s.source_id, s.path, s.product_id, s.title, s.category, s.licence, m.width_px, m.height_px,
               m.frames, m.fps, m.duration_s, m.codec, a.split, len(s.images) AS images, s.url
        FROM sources s LEFT JOIN measurements m ON m.sha256 = s.sha256
        LEFT JOIN assignments a ON a.source_id = s.source_id ORDER BY s.path""",
    "clips": """
        SELECT c.clip_id, s.path AS source_path, s.product_id, c.cut.first_frame AS first_frame,
               c.cut.last_frame AS last_frame, c.start_s, c.cut.width_px AS width_px, c.cut.height_px AS height_px,
               c.cut.frames AS frames, c.cut.fps AS fps, c.cut.crop AS crop, c.cut.pad AS pad,
               c.source_width_px, c.source_height_px, a.split, c.numbers
        FROM clips c JOIN sources s ON s.source_id = c.source_id
        LEFT JOIN assignments a ON a.source_id = c.source_id ORDER BY source_path, first_frame""",
    "tracks": """
        SELECT t.track_id, t.clip_id, s.path AS source_path, c.cut.first_frame AS first_frame, t.backend, t.choice,
               t.target, t.target_rule, t.verdict, t.reasons, t.numbers
        FROM tracks t JOIN clips c ON c.clip_id = t.clip_id JOIN sources s ON s.source_id = c.source_id
        ORDER BY source_path, first_frame""",
    "pairs": """
        SELECT p.pair_id, p.engine, p.kind, p.split, p.difficulty, p.product_a, p.product_b, p.placement,
               coalesce(s.path, '') AS source_path, c.cut.first_frame AS first_frame,
               coalesce(sa.path, '') AS moving_a_path, ca.cut.first_frame AS moving_a_first_frame,
               len(p.reference_ids) AS "references", len(p.heldout_ids) AS heldout, t.verdict
        FROM pairs p LEFT JOIN clips c ON c.clip_id = p.clip_id LEFT JOIN sources s ON s.source_id = c.source_id
        LEFT JOIN tracks ta ON ta.track_id = p.track_id_a LEFT JOIN clips ca ON ca.clip_id = ta.clip_id
        LEFT JOIN sources sa ON sa.source_id = ca.source_id
        LEFT JOIN triples t ON t.clip_id = p.clip_id AND t.engine = p.engine AND t.kind = p.kind
            AND t.product_a = p.product_a
        ORDER BY p.engine, source_path, first_frame, p.product_a""",
    "triples": """
        SELECT t.triple_id, t.engine, t.kind, t.split, t.difficulty, t.product_a, t.product_b,
               s.path AS source_path, c.cut.first_frame AS first_frame, t.verdict, t.reasons, t.prompt, t.source_prompt,
               t.captioner, t.judge, t.numbers
        FROM triples t JOIN clips c ON c.clip_id = t.clip_id JOIN sources s ON s.source_id = t.source_id
        ORDER BY source_path, first_frame, product_a""",
    "rejections": """
        SELECT stage, kind, subject, reason, message, linked_to, subject_id, numbers FROM rejections
        ORDER BY stage, subject""",
    "verdicts": """
        SELECT kind, subject, verdict, reasons, effects, reviewers, disagree, arbitrated, prompt, category, product_id,
               subject_id, key FROM verdicts
        ORDER BY kind, subject""",
}
"""What can be shown, and the query over the stored tables."""
_LATER = frozenset({"verdicts"})
"""Tables that work directories of older versions of this program lack."""


def query(work: Path, what: str, where: str | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a view.

    Args:
        where: SQL condition over the view's columns. It sees the build's tables and nothing else of the machine.

    Raises:
        PvttError: there was no build, or the condition is no SQL.
    """
    folder = work / "tables"
    absent = [name for name in TABLE_RECORDS if not (folder / f"{name}.parquet").exists()]
    if set(absent) - _LATER:
        raise PvttError(f"{work} holds no build yet; run pvtt-data build first, or name its folder with --work")
    with duckdb.connect() as connection:
        for name in absent:
            connection.register(f"no_{name}", arrow_schema(TABLE_RECORDS[name]).empty_table())
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM no_{name}")  # noqa: S608
        for name in TABLE_RECORDS.keys() - set(absent):
            statement = f"CREATE TABLE {name} AS SELECT * FROM read_parquet(?)"  # noqa: S608
            connection.execute(statement, [str(folder / f"{name}.parquet")])
        for setting in ("enable_external_access = false", "python_enable_replacements = false"):
            connection.execute(f"SET {setting}")
        connection.execute("SET lock_configuration = true")
        text = f"SELECT * FROM ({VIEWS[what]})" + (f" WHERE {where}" if where else "")  # noqa: S608
        try:
            if len(connection.extract_statements(text)) != 1:
                raise PvttError(f"--where {where}: expected one condition, not several statements")
            cursor = connection.execute(text)
            return [column[0] for column in cursor.description or []], cursor.fetchall()
        except duckdb.Error as error:
            raise PvttError(f"--where {where}: {error}") from error
