"""Former names: for one release they work where they stood, with a warning that names what takes their place."""

import warnings
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from typing import NamedTuple


class Former(NamedTuple):
    """What a former name stands for, and what to do about it."""

    value: object
    do: str


FORMER: dict[str, Former] = {
    "scorax.models.data_moments": Former(attrgetter("moments"), "write model.moments, which every score model has"),
    "scorax.samplers.BLOCK": Former(1024, "leave it out: rows of any number are split by what the model costs"),
    "scorax.simulation.BLOCK": Former(256, "leave it out: rows of any number are split by what the process costs"),
}
"""Former names that stand nowhere now. A room that one stands in takes :func:`former_names` as its ``__getattr__``; a release
later both go."""


STUDIES: dict[str, tuple[str, ...]] = {
    "baselines": (
        "BaselineValues",
        "GaussianBaseline",
        "KernelBaseline",
        "MixtureBaseline",
        "compare",
        "compare_folds",
    ),
    "checks": ("Check", "check_names", "run_checks"),
    "diagnostics": (
        "Estimate",
        "Fitted",
        "Importance",
        "ObjectiveComparison",
        "SamplerChoice",
        "ScoreConsistency",
        "WeightedMean",
        "choose_sampler",
        "compare_objectives",
        "correlation_records",
        "entropy",
        "evaluate",
        "field_records",
        "held_out_records",
        "importance_weights",
        "kl_divergence",
        "marginal_records",
        "nearest_records",
        "pairwise_records",
        "path_records",
        "score_consistency",
        "two_sample_records",
        "verdict",
    ),
    "simulation": ("ImageStudy", "Marginal", "PathStudy", "start_law", "study_image", "study_paths"),
}
"""Rooms, and what they have of the former room ``scorax.studies``."""

ESTIMATORS: dict[str, tuple[str, ...]] = {
    "tables": (
        "SAMPLERS",
        "EnsembleConfig",
        "FitConfig",
        "FitRows",
        "NetworkConfig",
        "NoiseConfig",
        "SamplingConfig",
        "SavedRun",
        "ScoreDensity",
        "TrainingConfig",
        "begun_run",
        "checked_name",
        "evaluate_test",
        "fit_run",
        "open_run",
        "read_config",
        "read_schema",
        "resolved",
    ),
}
"""The same of ``scorax.estimators``."""

TOP: dict[str, tuple[str, ...]] = {
    "likelihood": ("LogProb",),
    "models": (
        "EnergyScore",
        "Evidence",
        "Given",
        "Guided",
        "Karras",
        "Pullback",
        "probability_flow",
    ),
    "networks": (
        "ClassEmbedder",
        "Ensemble",
        "VectorEmbedder",
    ),
    "objectives": (
        "ExplicitScoreMatching",
        "SlicedScoreMatching",
    ),
    "processes": (
        "BrownianMotion",
        "Clean",
        "Cosine",
        "GeometricBrownianMotion",
        "LinearSDE",
        "OrnsteinUhlenbeck",
        "Rectified",
        "SubVP",
        "Tabulated",
    ),
    "samplers": (
        "AnnealedLangevin",
        "DDIM",
        "DDPM",
        "DPMSolver",
        "Heun",
        "Langevin",
        "MetropolisLangevin",
        "PredictorCorrector",
        "ReverseSDE",
        "States",
        "Terminal",
        "sample_path",
    ),
}
"""Rooms, and what of them stood in ``scorax`` itself."""

MOVED: dict[str, str] = {
    f"{former}.{name}": f"scorax.{room}.{name}"
    for former, rooms in {
        "scorax": TOP,
        "scorax.studies": STUDIES,
        "scorax.estimators": ESTIMATORS,
        "scorax.data": {"tables": ("Schema", "notes")},
    }.items()
    for room, names in rooms.items()
    for name in names
} | {"scorax.samplers.Facts": "scorax.samplers.Traits"}
"""Former names, and where what they named stands now under its name of today."""


def former_names(room: str, others: Callable[[str], object] | None = None) -> Callable[[str], object]:
    """The ``__getattr__`` of a room: its former names, each with a ``DeprecationWarning`` at the line that asks for it.

    ``others`` finds the names that are loaded when they are first used, where the room has such.
    """

    def attribute(name: str) -> object:
        full = f"{room}.{name}"
        if full in MOVED:
            home, _, today = MOVED[full].rpartition(".")
            value, do = getattr(import_module(home), today), f"import {today} from {home}"
        elif full in FORMER:
            value, do = FORMER[full]
        elif others is not None:
            return others(name)
        else:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        warnings.warn(f"{full} goes with the next release; {do}", DeprecationWarning, stacklevel=2)
        return value

    return attribute
