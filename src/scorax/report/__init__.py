"""The report: records in, one self-contained HTML page out. It never trains or samples."""

from scorax.report._page import render
from scorax.report._write_report import write_report

__all__ = ["render", "write_report"]
