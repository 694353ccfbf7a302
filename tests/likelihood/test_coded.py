"""Log-probabilities of categories: exact models against their laws, sums over all cells, auxiliary numbers, own draws."""

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from coded import all_cells, exact, laws
from oracles import awake
from scorax.likelihood import Hutchinson, coded_log_prob
from scorax.models import Denoiser
from scorax.networks import CodedHead, ResMLP, decode_categories, line_codebook, simplex_codebook
from scorax.processes import EDM, GaussianLaw
from scorax.samplers import CategoryDraw, Heun, sample

KEY = jax.random.key(0)
CODEBOOKS = [line_codebook(2), simplex_codebook(3), line_codebook(2)]


@pytest.mark.parametrize("law", laws())
def test_an_exact_model_has_the_probabilities_of_its_law(law):
    """Cells within three standard errors and the stated error of the solves, 1 % of them beyond at most; their sum likewise."""
    cells = laws()[law]
    with jax.enable_x64(True):
        index = all_cells(cells.shape)
        model = exact(cells, CODEBOOKS)
        answer = coded_log_prob(model, np.zeros((len(index), 0)), index, draws=2, key=KEY)
    allowed = 3 * answer.standard_error + answer.numerical_error
    assert np.mean(np.abs(answer.value - np.log(cells.ravel())) <= allowed) >= 0.99
    assert allowed.max() < 1e-3
    assert abs(np.exp(answer.value).sum() - 1) <= np.exp(answer.value) @ allowed


def wrong(numbers: int, codebooks) -> Denoiser:
    """A model that is exact for no law, with a cut-off at which categories are in doubt."""
    size = numbers + sum(own.shape[1] for own in codebooks)
    network = ResMLP(size, width=8, depth=1, outputs=numbers + sum(map(len, codebooks)), key=KEY)
    head = CodedHead(
        awake(network, key=KEY, size=0.7), codebooks, [-np.arange(len(own), dtype=float) for own in codebooks]
    )
    return Denoiser(head, EDM(t0=0.5), moments=GaussianLaw.from_moments(np.zeros(size), np.eye(size)))


@pytest.mark.slow  # seven seconds; the exact models stay in every run, CI has this
def test_any_model_has_probabilities_that_sum_to_one_and_are_those_of_its_draws():
    """Weights differ, for categories are in doubt. The sum within 4 standard errors; 4,096 draws by chi-squared, p > .001."""
    codebooks = CODEBOOKS[:2]
    model, index = wrong(0, codebooks), all_cells((2, 3))
    answer = coded_log_prob(model, np.zeros((6, 0)), index, draws=512, key=KEY, tolerance=1e-3)
    assert answer.converged.all()
    assert answer.lower_bound
    probability = np.exp(answer.value)
    error = probability * answer.standard_error
    assert error.max() > 1e-4
    assert abs(probability.sum() - 1) < 4 * np.sqrt(np.sum(error**2)) + probability @ answer.numerical_error
    count = 4096
    draws = sample(model, Heun(num_steps=32), count, key=KEY, end=CategoryDraw())
    found = np.bincount(decode_categories(codebooks, np.asarray(draws)) @ np.array([3, 1]), minlength=6)
    variance = count * probability + (count * error) ** 2
    assert chi2.sf(np.sum((found - count * probability) ** 2 / variance), 5) > 1e-3


def test_auxiliary_numbers_are_summed_over():
    """A spike with probability .3, else N(.4, .5): both of an exact model."""
    with jax.enable_x64(True):
        cells, means = np.array([0.3, 0.7]), np.array([[0.0], [0.4]])
        model = exact(cells, CODEBOOKS[:1], means=means, variances=np.array([1.0, 0.5]))
        z = np.array([[np.nan], [1.1]])
        answer = coded_log_prob(model, z, np.array([[0], [1]]), draws=3, key=KEY)
        closed = np.log([0.3, 0.7]) - [0, 0.5 * (0.7**2 / 0.5 + np.log(2 * np.pi * 0.5))]
        np.testing.assert_allclose(answer.value, closed, atol=1e-4)  # the cut-off moves a density by its square


@pytest.mark.slow  # a program of five seconds; CI runs it, and in every run a wrong model of categories alone sums to one
def test_any_model_of_a_number_and_its_auxiliary_sums_to_one():
    """A spike and the integral beside it, by 40 Gauss-Legendre nodes, within 4 standard errors."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    z = np.append(8 * nodes, np.nan)[:, None]
    inside = (np.arange(41) < 40).astype(int)[:, None]
    answer = coded_log_prob(wrong(1, CODEBOOKS[:1]), z, inside, draws=64, key=KEY, tolerance=1e-3)
    terms = np.exp(answer.value) * np.append(8 * weights, 1)
    assert (
        abs(terms.sum() - 1)
        < 4 * np.sqrt(np.sum((terms * answer.standard_error) ** 2)) + terms @ answer.numerical_error
    )


def test_a_missing_category_is_summed_over():
    """Marginals of the chain in one and in two variables, within 4 standard errors; weights differ by the category drawn."""
    cells = laws()["chain"]
    with jax.enable_x64(True):
        categories = np.array([[0, -1, 1], [-1, 2, -1]])
        truth = [cells[0, :, 1].sum(), cells[:, 2].sum()]
        model = exact(cells, CODEBOOKS)
        answer = coded_log_prob(model, np.zeros((2, 0)), categories, draws=128, marginal=True, key=KEY, tolerance=1e-3)
    assert np.all(answer.standard_error < 0.2)
    assert np.all(np.abs(answer.value - np.log(truth)) < 4 * answer.standard_error + answer.numerical_error)


def test_a_row_has_the_same_value_alone():
    model = wrong(1, CODEBOOKS[:1])
    z, categories = np.array([[0.3], [np.nan], [-0.7]]), np.array([[0], [1], [1]])
    whole = coded_log_prob(model, z, categories, draws=2, key=KEY)
    alone = coded_log_prob(model, z[1:2], categories[1:2], draws=2, key=KEY)
    assert whole.value[1] == alone.value[0]


def test_what_has_no_meaning_is_refused():
    model, z = wrong(1, CODEBOOKS[:1]), np.zeros((1, 1))
    with pytest.raises(ValueError, match="exact divergence"):
        coded_log_prob(model, z, np.array([[0]]), draws=2, divergence=Hutchinson(), key=KEY)
    with pytest.raises(ValueError, match="from 0 to 1 in code 0, got -1"):
        coded_log_prob(model, z, np.array([[-1]]), key=KEY)
    with pytest.raises(ValueError, match="numbers of 2 rows"):
        coded_log_prob(model, z, np.array([[0], [1]]), key=KEY)
    with pytest.raises(ValueError, match="infinity"):
        coded_log_prob(model, np.array([[np.inf]]), np.array([[0]]), key=KEY)
