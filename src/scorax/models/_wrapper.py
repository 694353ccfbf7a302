"""A model around a model: what is inside is passed on, and a wrapper states only what it changes."""

from typing import Any, TypeVar

import equinox as eqx

from scorax.models._evidence import Evidence
from scorax.models._score_model import AbstractScoreModel
from scorax.processes import AbstractGaussianLaw, AbstractGaussianProcess

SelfWrapper = TypeVar("SelfWrapper", bound="AbstractWrapper")


class AbstractWrapper(AbstractScoreModel):
    """Score model around ``model``, whose process, moments and answers to evidence are those of the model inside.

    A wrapper of denoisers is ``class Mine(AbstractWrapper, AbstractDenoiser)``, in this order; it states ``predict_at``. Any
    other one states ``__call__``.
    """

    model: eqx.AbstractVar[Any]
    """The model inside, of the kind that the wrapper asks for."""

    @property
    def process(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]  of the kind that the model inside has
        """The process of the model inside."""
        return self.model.process

    @property
    def moments(self) -> AbstractGaussianLaw | None:  # pyright: ignore[reportIncompatibleVariableOverride]  modules are frozen
        """Moments of the model inside."""
        return self.model.moments

    def with_process(self: SelfWrapper, process: AbstractGaussianProcess) -> SelfWrapper:
        return self._around(self.model.with_process(process))

    def given(self: SelfWrapper, evidence: Evidence) -> SelfWrapper:
        return self._around(self.model.given(evidence))

    def _around(self: SelfWrapper, model: AbstractScoreModel) -> SelfWrapper:
        """The same wrapper around another model."""
        return eqx.tree_at(lambda wrapper: wrapper.model, self, model)
