"""What a reader says of a file that it refuses."""

from pathlib import Path

import pytest

from scorax._errors import InputError
from scorax.data import read_table


def refusal(path: Path, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    assert path.name in message
    assert caught.value.exit_code == 2
    return message
