"""Exact log-densities of score models and the evidence lower bound, with their errors."""

from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence, Hutchinson
from scorax.likelihood._elbo import Bound, elbo
from scorax.likelihood._log_prob import log_prob, row_log_prob
from scorax.likelihood._result import LogProb

__all__ = [
    "AbstractDivergence",
    "Bound",
    "ExactDivergence",
    "Hutchinson",
    "LogProb",
    "elbo",
    "log_prob",
    "row_log_prob",
]
