import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorax._errors import InputError
from scorax.checkpoint import parse_json, read_json, read_sealed_json, write_sealed_json

pytestmark = pytest.mark.reliability


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "JSON"),
        (b"{", "line 1"),
        (b"{}x", "JSON"),
        (b"\xff", "JSON"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e999]", "1e999"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b"[" * 33 + b"]" * 33, "32 levels"),
        (b"[" * 500_000, "32 levels"),
        (b'{"a":' * 100_000, "32 levels"),
        (b"[" + b"1" * 5000 + b"]", "digits"),
        (b"'a'", "JSON"),
    ],
)
def test_what_is_not_strict_json_is_refused(data, said):
    with pytest.raises(InputError, match=said) as caught:
        parse_json(data, "f.json")
    assert str(caught.value).startswith("f.json: ")
    assert "\n" not in str(caught.value)


def test_brackets_inside_text_are_no_nesting():
    assert parse_json(b'["' + b"[" * 100 + b'\\"]"]', "f") == ["[" * 100 + '"]']
    assert parse_json(b"[" * 32 + b"]" * 32, "f")


def test_a_file_over_the_limit_or_none_is_refused(tmp_path):
    (tmp_path / "big.json").write_bytes(b" " * (2**20 + 1))
    (tmp_path / "link.json").symlink_to("/etc/hostname")
    for name in ("big.json", "link.json", "none.json", "."):
        with pytest.raises(InputError):
            read_json(tmp_path / name)


@settings(max_examples=50)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.floats(-1e9, 1e9)))
def test_sealed_objects_read_back(tmp_path_factory, obj):
    path = tmp_path_factory.getbasetemp() / "sealed.json"
    obj.pop("sha256_of_the_rest", None)
    write_sealed_json(path, obj)
    assert read_sealed_json(path) == obj


def test_a_sealed_object_notices_every_byte(tmp_path):
    path = tmp_path / "x.json"
    write_sealed_json(path, {"a": [1, 2.5, "text"], "b": None})
    data = path.read_bytes()
    for place in range(len(data)):
        for bit in (1, 32):
            changed = bytearray(data)
            changed[place] ^= bit
            path.write_bytes(changed)
            with pytest.raises(InputError):
                read_sealed_json(path)
