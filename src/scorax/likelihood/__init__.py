"""Exact log-densities of score models and the evidence lower bound, with their errors."""

from scorax.likelihood._choose_divergence import EXACT_UP_TO, DivergenceChoice, choose_divergence
from scorax.likelihood._coded import coded_log_prob
from scorax.likelihood._data import DataLogProb, bits_per_dim, data_log_prob, smoothed_log_prob
from scorax.likelihood._divergences import AbstractDivergence, ExactDivergence, Hutchinson
from scorax.likelihood._elbo import Bound, elbo
from scorax.likelihood._log_prob import default_tolerance, log_prob, row_log_prob
from scorax.likelihood._result import LogProb

__all__ = [
    "EXACT_UP_TO",
    "AbstractDivergence",
    "Bound",
    "DataLogProb",
    "DivergenceChoice",
    "ExactDivergence",
    "Hutchinson",
    "LogProb",
    "bits_per_dim",
    "choose_divergence",
    "coded_log_prob",
    "data_log_prob",
    "default_tolerance",
    "elbo",
    "log_prob",
    "row_log_prob",
    "smoothed_log_prob",
]
