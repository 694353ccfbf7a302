"""Categories of the codes in a state: their probabilities given the state, at any time."""

from jaxtyping import Array, Float

from scorax._checked import shown
from scorax._errors import explain
from scorax._types import Condition, Scalar
from scorax.models._evidence import Evidence
from scorax.models._given import Given
from scorax.models._parametrization import Karras
from scorax.models._score_model import AbstractScoreModel, Denoiser, time_like


def require_codes(model: AbstractScoreModel) -> Denoiser:
    """``model`` itself, or what is inside a :class:`Given`, where it is a denoiser around a network with a
    :class:`~scorax.networks.CodedHead`.

    Raises:
        TypeError: it is no such model.
        ValueError: its parametrization is not the one that the head is written for.
    """
    if isinstance(model, Given):
        model = model.model
    if not isinstance(model, Denoiser):
        raise TypeError(
            explain(
                expected="a Denoiser whose network has a CodedHead",
                got=shown(model),
                do="ask the model inside, before it is wrapped",
            )
        )
    model.network.codebooks  # noqa: B018  a network without codes refuses by name
    own = model.parametrization
    if not isinstance(own, Karras) or own.data_scale != 1:
        raise ValueError(
            explain(
                expected="Karras() at unit data scale for a CodedHead",
                got=repr(own),
                do="build the Denoiser without parametrization=",
            )
        )
    return model


def category_log_posteriors(
    model: AbstractScoreModel, t: Scalar, x: Float[Array, " d"], condition: Condition = None
) -> tuple[Float[Array, " _"], ...]:
    r"""$\log P(k \mid x_t = x)$ of every code in a state, in the order of the codes: the softmax behind the posterior mean.

    Of one code at a time, not jointly: given the state, codes may depend on one another. Of an
    :class:`~scorax.networks.Ensemble` it is the mean of the members' probabilities, as its denoiser is the mean of theirs.

    Args:
        model: a denoiser around a network with a :class:`~scorax.networks.CodedHead`.
        t: the time.
        x: state at that time.
        condition: what the network is told; or evidence, of a network that reads masks.

    Raises:
        TypeError: the model has no codes.
        ValueError: its parametrization is not ``Karras()``.
    """
    own = require_codes(model)
    if isinstance(condition, Evidence):
        own, condition = own.given(condition), None
    level = own.process.level(time_like(t, x))
    scaled = x / own.parametrization.radius(level)
    return own.network.log_posteriors(own.parametrization.noise_input(level), scaled, condition)
