"""One answer from the analyses of several completed tables: Rubin's rule, and its nested form for models and their draws."""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from scorax._errors import InputError, explain


@dataclass(frozen=True, eq=False)
class Pooled:
    """What completed tables say together of the quantities that were estimated from each.

    Attributes:
        estimate: mean of the estimates.
        standard_error: its standard error, with what the missing cells leave open.
        df: degrees of freedom of Student's law of ``(estimate - truth) / standard_error``.
        missing_information: share of the information that the missing cells take, in [0, 1].
    """

    estimate: Float[np.ndarray, "*shape"]
    standard_error: Float[np.ndarray, "*shape"]
    df: Float[np.ndarray, "*shape"]
    missing_information: Float[np.ndarray, "*shape"]

    def interval(self, level: float = 0.95) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
        """Lower and upper end of the interval that holds the truth with this probability.

        Raises:
            InputError: the level is not between 0 and 1.
        """
        from scipy.stats import t

        if not 0 < level < 1:
            raise InputError(explain(expected="a level between 0 and 1", got=f"{level:g}", do="pass 0.95 for 95 %"))
        half = t.ppf((1 + level) / 2, self.df) * self.standard_error
        return self.estimate - half, self.estimate + half


def pool(estimates: ArrayLike, variances: ArrayLike, *, complete_df: float = np.inf) -> Pooled:
    r"""Pool the analyses of M x D completed tables: D draws of the missing cells by each of M models.

    With estimates $Q_{md}$ and their squared standard errors $U_{md}$, let B be the variance of the M means over draws, and W the
    mean over models of the variance of their draws, with divisors M - 1 and D - 1. Then

    $$ T = \bar U + (1 + 1/M) B + (1 - 1/D) W, \qquad
       \frac 1 \nu = \frac{[(1 + 1/M) B / T]^2}{M - 1} + \frac{[(1 - 1/D) W / T]^2}{M (D - 1)}. $$

    With one draw each this is Rubin's rule. Where the analysis of the complete table would have $\nu_c$ degrees of freedom,
    $1 / \nu$ grows by one over $\nu_c (1 - \lambda) (\nu_c + 1) / (\nu_c + 3)$ with $\lambda = 1 - \bar U / T$, as Barnard and
    Rubin have it. The share of missing information is $(r + 2 / (\nu + 3)) / (r + 1)$ with $r = T / \bar U - 1$.

    Intervals hold where models differ as draws from the posterior of one would. Draws of a single model lack that part: they are
    pooled by Rubin's rule with a warning that intervals are too narrow.

    Args:
        estimates: shape (M, D, ...): by model, by draw, and as many quantities as there are.
        variances: squared standard errors, of the same shape.
        complete_df: degrees of freedom of the analysis of the complete table, as n - k of a regression of n rows on k columns.

    Raises:
        InputError: one table alone, shapes that differ, or what is no variance.

    References:
        Rubin (1987), *Multiple Imputation for Nonresponse in Surveys*, ch. 3; Barnard and Rubin (1999), *Small-sample degrees of
        freedom with multiple imputation*; Shen (2000), *Nested multiple imputation*.
    """
    q, u = np.asarray(estimates, np.float64), np.asarray(variances, np.float64)
    if q.ndim < 2 or q.shape != u.shape or q.shape[0] * q.shape[1] < 2:
        raise InputError(
            explain(
                expected="estimates and variances of one shape (models, draws, ...), of two tables or more",
                got=f"{q.shape} and {u.shape}",
                do="pass estimates[:, None] where each table is by a model of its own, estimates[None] where one made all",
            )
        )
    if not (u >= 0).all() or not complete_df > 0:
        got = f"variances from {u.min():g} and complete_df={complete_df:g}"
        raise InputError(
            explain(expected="squared standard errors, and degrees of freedom above 0", got=got, do="check them")
        )
    if q.shape[0] == 1:
        warnings.warn(
            "the draws of one model lack its own uncertainty, so intervals are too narrow; fit several members to "
            "bootstrapped rows",
            stacklevel=2,
        )
        q, u = q.swapaxes(0, 1), u.swapaxes(0, 1)
    models, draws = q.shape[:2]
    within = u.mean(axis=(0, 1))
    between = (1 + 1 / models) * q.mean(axis=1).var(axis=0, ddof=1)
    among = np.zeros_like(between) if draws == 1 else (1 - 1 / draws) * q.var(axis=1, ddof=1).mean(axis=0)
    total = within + between + among
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [np.nan_to_num(part / total) for part in (between, among)]
        inverse = shares[0] ** 2 / (models - 1) + shares[1] ** 2 / (models * max(draws - 1, 1))
        share = shares[0] + shares[1]
        # In terms of 1 - share = within / total, as r is infinite where nothing is left within.
        information = share + (1 - share) * 2 / (1 / inverse + 3)
        if np.isfinite(complete_df):
            observed = complete_df * (1 - share) * (complete_df + 1) / (complete_df + 3)
            inverse = inverse + 1 / observed
        df = 1 / inverse
    return Pooled(q.mean(axis=(0, 1)), np.sqrt(total), df, information)
