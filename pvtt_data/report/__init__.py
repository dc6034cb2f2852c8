"""The report of a build: one HTML page that needs nothing but itself.

`page.write_report` gathers what the page shows (`rows`, `funnel`, `sheets`, `drops`, `thumbnails`) and fills
`page.html`. Everything that came from a feed passes through the template's escaping.
"""

from __future__ import annotations

from pvtt_data.report.page import write_report

__all__ = ["write_report"]
