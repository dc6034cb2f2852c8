"""Quality numbers of a triple; thresholds live elsewhere, in the calibration file.

One module a question: `looks` (is it B, by an embedder), `leaks` (is a reference a copy), `background`, `timing`,
`paths`, `outlines` (are the masks right), `residue` (is A gone), `shadows`, `colours`; `measure` asks them all.
"""

from pvtt_data.triple_quality.measure import TripleMedia, measured, seen_by, triple_quality

__all__ = ["TripleMedia", "measured", "seen_by", "triple_quality"]
