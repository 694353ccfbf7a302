"""Studies of a model: density baselines on the same rows, information and evidence, and the records a report shows."""

from scorax.studies._baselines import GaussianBaseline, KernelBaseline
from scorax.studies._check import Check, run_checks
from scorax.studies._choose_sampler import SamplerChoice, choose_sampler
from scorax.studies._comparison import BaselineValues, compare, compare_folds
from scorax.studies._consistency import ScoreConsistency, score_consistency
from scorax.studies._copies import nearest_records
from scorax.studies._dynamics import field_records, path_records
from scorax.studies._evaluation import Fitted, evaluate, two_sample_records
from scorax.studies._held_out import held_out_records
from scorax.studies._importance import Importance, WeightedMean, importance_weights
from scorax.studies._information import Estimate, entropy, kl_divergence
from scorax.studies._mixture import MixtureBaseline
from scorax.studies._objectives import ObjectiveComparison, compare_objectives
from scorax.studies._paths import Marginal, PathStudy, start_law, study_paths
from scorax.studies._pixels import ImageStudy, study_image
from scorax.studies._tables import correlation_records, marginal_records, pairwise_records
from scorax.studies._verdict import verdict

__all__ = [
    "BaselineValues",
    "Check",
    "Estimate",
    "Fitted",
    "GaussianBaseline",
    "ImageStudy",
    "Importance",
    "KernelBaseline",
    "Marginal",
    "MixtureBaseline",
    "ObjectiveComparison",
    "PathStudy",
    "SamplerChoice",
    "ScoreConsistency",
    "WeightedMean",
    "choose_sampler",
    "compare",
    "compare_folds",
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
    "run_checks",
    "score_consistency",
    "start_law",
    "study_image",
    "study_paths",
    "two_sample_records",
    "verdict",
]
