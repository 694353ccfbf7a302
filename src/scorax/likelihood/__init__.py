"""Exact log-densities of score models, with their errors."""

from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence, Hutchinson
from scorax.likelihood._log_prob import log_prob, row_log_prob
from scorax.likelihood._result import LogProb

__all__ = [
    "AbstractDivergence",
    "ExactDivergence",
    "Hutchinson",
    "LogProb",
    "log_prob",
    "row_log_prob",
]
