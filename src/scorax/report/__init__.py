"""The report: records in, one self-contained HTML page or a picture out. It never trains or samples."""

from scorax.report._evaluation_page import write_evaluation
from scorax.report._page import render
from scorax.report._path_figures import image_figure, paths_figure
from scorax.report._posterior_page import write_posterior
from scorax.report._write_report import write_report

__all__ = ["image_figure", "paths_figure", "render", "write_evaluation", "write_posterior", "write_report"]
