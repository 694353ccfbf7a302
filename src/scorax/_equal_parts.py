"""Whether a batch has equal parts: looked at before JAX is imported."""

from scorax._errors import InputError, explain


def unequal_parts(batch_size: int, devices: int, accumulate: int = 1) -> str | None:
    """Why devices cannot take equal shares of each of the ``accumulate`` parts of a batch, if they cannot."""
    if batch_size % (devices * accumulate) == 0:
        return None
    shares = [f"{devices} devices"] if devices > 1 else []
    shares += [f"{accumulate} parts of accumulate"] if accumulate > 1 else []
    return explain(
        expected=f"a batch that {' and '.join(shares)} share evenly",
        got=f"batch_size={batch_size}",
        do=f"pass a multiple of {devices * accumulate}",
    )


def require_equal_parts(batch_size: int, devices: int, accumulate: int = 1) -> None:
    """Refuse what :func:`unequal_parts` names.

    Raises:
        InputError: the product of devices and parts does not divide the batch.
    """
    refusal = unequal_parts(batch_size, devices, accumulate)
    if refusal is not None:
        raise InputError(refusal)
