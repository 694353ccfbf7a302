from ._axis import Axis
from ._choose_sampler import SamplerChoice, choose_sampler
from ._consistency import ScoreConsistency, score_consistency
from ._copies import nearest_records
from ._dynamics import field_records, path_records
from ._evaluation import Fitted, HeldOutRows, compared, evaluate, two_sample_records
from ._generated import RowsBeside, generated_records
from ._held_out import MIXED_LAW, held_out_records, mean_log_scale
from ._importance import Importance, WeightedMean, importance_weights
from ._information import Estimate, entropy, kl_divergence
from ._objectives import ObjectiveComparison, compare_objectives
from ._tables import correlation_records, marginal_records, pairwise_records
from ._verdict import verdict

__all__ = [
    "MIXED_LAW",
    "Axis",
    "Estimate",
    "Fitted",
    "HeldOutRows",
    "Importance",
    "ObjectiveComparison",
    "RowsBeside",
    "SamplerChoice",
    "ScoreConsistency",
    "WeightedMean",
    "choose_sampler",
    "compare_objectives",
    "compared",
    "correlation_records",
    "entropy",
    "evaluate",
    "field_records",
    "generated_records",
    "held_out_records",
    "importance_weights",
    "kl_divergence",
    "marginal_records",
    "mean_log_scale",
    "nearest_records",
    "pairwise_records",
    "path_records",
    "score_consistency",
    "two_sample_records",
    "verdict",
]
