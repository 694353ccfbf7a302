"""What is computed about a fitted table and drawn in its report: one frozen dataclass for each file of ``records/``.

A record holds numbers and counts, and no row of the data. Its arrays are tuples, of the shapes that can be drawn.
"""

from scorax.records._columns import Label, MarginalColumn, Marginals, RangeShares, ValueShares
from scorax.records._dynamics import DiffusionPath, Field
from scorax.records._generated import (
    Associations,
    ColumnDistance,
    ColumnDistances,
    Copies,
    Detections,
    DetectionScore,
    Evaluation,
    Generated,
    RowKind,
    SpikeShare,
    Usefulness,
)
from scorax.records._held_out import Baseline, Comparison, HeldOut, ModelValues, Source
from scorax.records._impossible import Impossible, NeverSeen
from scorax.records._metrics import MetricsLine
from scorax.records._pairs import Correlations, Pair, PairMarginal, Pairs
from scorax.records._pictures import PictureRecord, Spectrum
from scorax.records._records import Records
from scorax.records._samples import Nearest, Sampling, Share, TwoSample
from scorax.records._verdict import Grade, KeyNumber, Sentence, Verdict

__all__ = [
    "Associations",
    "Baseline",
    "ColumnDistance",
    "ColumnDistances",
    "Comparison",
    "Copies",
    "Correlations",
    "DetectionScore",
    "Detections",
    "DiffusionPath",
    "Evaluation",
    "Field",
    "Generated",
    "Grade",
    "HeldOut",
    "Impossible",
    "KeyNumber",
    "Label",
    "MarginalColumn",
    "Marginals",
    "MetricsLine",
    "ModelValues",
    "Nearest",
    "NeverSeen",
    "Pair",
    "PairMarginal",
    "Pairs",
    "PictureRecord",
    "RangeShares",
    "Records",
    "RowKind",
    "Sampling",
    "Sentence",
    "Share",
    "Source",
    "Spectrum",
    "SpikeShare",
    "TwoSample",
    "Usefulness",
    "ValueShares",
    "Verdict",
]
