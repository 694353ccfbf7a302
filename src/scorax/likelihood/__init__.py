"""Exact log-densities of score models and the evidence lower bound, with their errors."""

from scorax.likelihood._choose_divergence import EXACT_UP_TO, DivergenceChoice, choose_divergence
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence, Hutchinson
from scorax.likelihood._elbo import Bound, elbo
from scorax.likelihood._log_prob import log_prob, row_log_prob
from scorax.likelihood._result import LogProb

__all__ = [
    "EXACT_UP_TO",
    "AbstractDivergence",
    "Bound",
    "DivergenceChoice",
    "ExactDivergence",
    "Hutchinson",
    "LogProb",
    "choose_divergence",
    "elbo",
    "log_prob",
    "row_log_prob",
]
