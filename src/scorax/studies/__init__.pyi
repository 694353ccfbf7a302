from ._baselines import GaussianBaseline, KernelBaseline
from ._check import Check, run_checks
from ._check_names import check_names
from ._choose_sampler import SamplerChoice, choose_sampler
from ._comparison import BaselineValues, compare, compare_folds
from ._consistency import ScoreConsistency, score_consistency
from ._copies import nearest_records
from ._dynamics import field_records, path_records
from ._evaluation import Fitted, evaluate, two_sample_records
from ._held_out import held_out_records
from ._importance import Importance, WeightedMean, importance_weights
from ._information import Estimate, entropy, kl_divergence
from ._mixture import MixtureBaseline
from ._objectives import ObjectiveComparison, compare_objectives
from ._paths import Marginal, PathStudy, start_law, study_paths
from ._pixels import ImageStudy, study_image
from ._tables import correlation_records, marginal_records, pairwise_records
from ._verdict import verdict

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
    "check_names",
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
