"""Whether devices can take equal parts of a batch: looked at before JAX is imported."""

from scorax._errors import InputError, explain


def require_equal_parts(batch_size: int, devices: int) -> None:
    """Refuse a batch of which devices cannot take equal parts.

    Raises:
        InputError: the number of devices does not divide it.
    """
    if batch_size % devices:
        raise InputError(
            explain(
                expected=f"a batch that {devices} devices share evenly",
                got=f"batch_size={batch_size}",
                do=f"pass a multiple of {devices}",
            )
        )
