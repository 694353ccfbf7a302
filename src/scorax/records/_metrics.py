"""Lines of ``metrics.jsonl``."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MetricsLine:
    """One validation: a line of ``metrics.jsonl``; of a run that an estimator saved it holds the loss only.

    ``sheet`` is a PNG in base64: pictures drawn at that step.
    """

    step: int
    train_loss: float | None = None
    validation_loss: float
    held_out_nats: float | None = None
    held_out_nats_members: tuple[float | None, ...] | None = None
    active: int | None = None
    sheet: str | None = None
