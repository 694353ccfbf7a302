"""The records of a run together."""

from dataclasses import dataclass

from scorax.records._columns import Marginals
from scorax.records._dynamics import DiffusionPath, Field
from scorax.records._generated import Generated
from scorax.records._held_out import HeldOut
from scorax.records._impossible import Impossible
from scorax.records._pairs import Correlations, Pairs
from scorax.records._pictures import PictureRecord
from scorax.records._samples import Nearest, Sampling, TwoSample
from scorax.records._verdict import Verdict


@dataclass(frozen=True)
class Records:
    """What was computed about a fitted table, without a row of its data, or about fitted pictures.

    Each field is the content of ``records/<field>.json``, or ``None`` where it was not computed.
    """

    correlations: Correlations | None = None
    field: Field | None = None
    generated: Generated | None = None
    held_out: HeldOut | None = None
    impossible: Impossible | None = None
    marginals: Marginals | None = None
    nearest: Nearest | None = None
    pairs: Pairs | None = None
    path: DiffusionPath | None = None
    pictures: PictureRecord | None = None
    sampling: Sampling | None = None
    two_sample: TwoSample | None = None
    verdict: Verdict | None = None
