"""Exact log-densities of score models, with their errors."""

from scorax.likelihood._log_prob import LogProb, log_prob, row_log_prob

__all__ = ["LogProb", "log_prob", "row_log_prob"]
