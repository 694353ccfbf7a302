"""Exact log-densities of score models and the evidence lower bound, with their errors."""

from scorax.likelihood._elbo import Bound, elbo
from scorax.likelihood._log_prob import LogProb, log_prob, row_log_prob

__all__ = ["Bound", "LogProb", "elbo", "log_prob", "row_log_prob"]
