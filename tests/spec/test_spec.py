import dataclasses
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorax._errors import InputError
from scorax.spec import apply_sets, from_mapping, parse_toml, read_toml, resolve, to_json


@dataclass(frozen=True)
class Network:
    width: int = 64
    activation: Literal["silu", "relu"] = "silu"
    sizes: tuple[int, ...] = (1, 2)
    pair: tuple[float, str] = (1.0, "a")

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError("expected width of at least 1, got less")


@dataclass(frozen=True)
class Config:
    rate: float = 1e-3
    name: str | None = None
    early: bool = True
    levels: Literal[1, 2, "all"] = "all"
    network: Network = field(default_factory=Network)
    other: Network | None = None


@dataclass(frozen=True)
class Needy:
    must: int
    nested: Network = field(default_factory=Network)


def networks() -> st.SearchStrategy[Network]:
    return st.builds(
        Network,
        width=st.integers(1, 2**64 - 1),
        activation=st.sampled_from(["silu", "relu"]),
        sizes=st.lists(st.integers(-(2**63), 2**64 - 1), max_size=4).map(tuple),
        pair=st.tuples(finite, st.text()),
    )


finite = st.floats(allow_nan=False, allow_infinity=False)
configs = st.builds(
    Config,
    rate=finite,
    name=st.none() | st.text(),
    early=st.booleans(),
    levels=st.sampled_from([1, 2, "all"]),
    network=networks(),
    other=st.none() | networks(),
)


@given(configs)
def test_json_round_trip(config):
    assert from_mapping(Config, to_json(config)) == config


@given(configs, configs)
def test_every_field_can_be_set_by_its_key(start, wanted):
    flags = {}

    def collect(obj: object, prefix: str) -> None:
        for f in dataclasses.fields(obj):  # type: ignore[arg-type]
            value = getattr(obj, f.name)
            if dataclasses.is_dataclass(value) and f.name == "network":
                collect(value, f"{prefix}{f.name}.")
            elif value is not None:
                flags[prefix + f.name] = to_json(value)

    collect(wanted, "")
    base = to_json(dataclasses.replace(start, name=wanted.name, other=wanted.other))
    assert resolve(Config, file=base, flags=flags) == wanted


def refused(mapping: dict, cls: type = Config) -> str:
    with pytest.raises(InputError) as caught:
        from_mapping(cls, mapping, "run.toml")
    message = str(caught.value)
    assert message.startswith("run.toml: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (
            {"rat": 1},
            "rat: expected one of rate, name, early, levels, network, other, got an unknown key",
        ),
        ({"network": {"widht": 1}}, "network.widht"),
        ({"network": 3}, "network: expected a table, got 3"),
        ({"network": None}, "network: expected a table"),
        ({"early": 1}, "early: expected true or false, got 1"),
        ({"network": {"width": True}}, "network.width: expected an integer, got true"),
        ({"network": {"width": 1.0}}, "network.width: expected an integer, got 1.0"),
        ({"network": {"width": 2**64}}, "network.width: expected an integer"),
        ({"network": {"width": 0}}, "network: expected width of at least 1"),
        ({"network": {"sizes": 3}}, "network.sizes: expected a list, got 3"),
        ({"network": {"sizes": [1, "2"]}}, "network.sizes[1]: expected an integer, got '2'"),
        ({"network": {"pair": [1.0]}}, "network.pair: expected a list of 2, got a list of 1"),
        ({"network": {"activation": "sulu"}}, "got 'sulu' (did you mean 'silu'?)"),
        ({"levels": True}, "levels: expected one of 1, 2, 'all', got true"),
        ({"levels": 1.0}, "levels"),
        ({"rate": float("nan")}, "rate: expected a number, got nan"),
        ({"rate": float("inf")}, "rate"),
        ({"rate": 10**400}, "rate"),
        ({"rate": "1"}, "rate: expected a number, got '1'"),
        ({"rate": None}, "rate"),
        ({"name": 3}, "name: expected text, got 3"),
        ({"bad\x1b[31m": 1}, "'bad\\x1b[31m'"),
    ],
)
def test_one_wrong_value(mapping, said):
    assert said in refused(mapping)


def test_all_errors_come_in_one_line():
    message = refused({"rate": "x", "early": 0, "network": {"width": "w", "sizes": [True, 1.5]}, "nme": 1})
    for place in ("rate", "early", "network.width", "network.sizes[0]", "network.sizes[1]", "nme"):
        assert f"{place}: expected" in message
    assert "and 92 more" in refused({f"key{i}": 1 for i in range(100)})


def test_a_field_without_default_must_be_given():
    assert "must: expected a value, got none" in refused({}, Needy)
    assert from_mapping(Needy, {"must": 3}) == Needy(3)


def test_integers_are_numbers_and_lists_are_tuples():
    config = from_mapping(Config, {"rate": 2, "network": {"sizes": [], "pair": (3, "x")}})
    assert type(config.rate) is float
    assert config.network == Network(sizes=(), pair=(3.0, "x"))


def test_a_type_outside_the_closed_set_is_a_fault_of_the_program():
    @dataclass(frozen=True)
    class Wrong:
        values: list[int] = field(default_factory=list)

    with pytest.raises(TypeError, match="values"):
        from_mapping(Wrong, {"values": [1]})
    with pytest.raises(TypeError):
        to_json(Wrong([{1: 2}]))  # type: ignore[list-item]


def test_the_later_source_wins(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('rate = 0.5\nname = "file"\n[network]\nwidth = 8\nactivation = "relu"\n')
    config = resolve(
        Config, file=path, sets=["network.width=16", "name=set"], flags={"name": "flag", "rate": None, "other": None}
    )
    assert config == Config(rate=0.5, name="flag", network=Network(width=16, activation="relu"))
    assert resolve(Config) == Config()
    with pytest.raises(InputError, match=r"c\.toml: network\.width"):
        resolve(Config, file=path, sets=["network.width=wide"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"1"', "1"),
        ("hello world", "hello world"),
        ("", ""),
        ("a=b", "a=b"),
        ("{x = 1}", {"x": 1}),
        ("1979-05-27", "1979-05-27"),
        ("1\nb = 2", "1\nb = 2"),
        ("[" * 100, "[" * 100),
    ],
)
def test_the_value_of_a_setting(text, value):
    before = {"a": {"z": 0}}
    assert apply_sets(before, [f"a.b={text}"]) == {"a": {"z": 0, "b": value}}
    assert before == {"a": {"z": 0}}


@pytest.mark.parametrize(
    "setting", ["", "a", "=1", "a..b=1", ".a=1", "a b=1", "a.=1", "x" * 20_000, ".".join("a" * 33) + "=1"]
)
def test_a_setting_that_is_none(setting):
    with pytest.raises(InputError, match="--set"):
        apply_sets({}, [setting])


def test_a_setting_through_a_value():
    with pytest.raises(InputError, match=r"a table at a\.b"):
        apply_sets({"a": {"b": 1}}, ["a.b.c=2"])


@pytest.mark.parametrize(
    "data",
    [
        b"a." * 20_000 + b"a = 1",
        b"a . " * 20_000 + b"a = 1",
        b'"a".' * 20_000 + b"a = 1",
        b"'a'." * 20_000 + b"a = 1",
        b"[" + b"a." * 5000 + b"a]",
        b"a = " + b"[" * 5000,
        b"a = " + b"{b = " * 5000,
        b"\xff",
        b"\xff\xfea\x00",
        b"a = 1\na = 2",
        b"a = ",
        b"a = 1" + b"0" * 10_000,
        b"[a]\n[a]",
        b"x" * (2**20 + 1),
    ],
    ids=range(14),
)
def test_hostile_toml_is_refused_before_it_costs(data, tmp_path):
    (tmp_path / "c.toml").write_bytes(data)
    with pytest.raises(InputError, match=r"c\.toml") as caught:
        read_toml(tmp_path / "c.toml")
    assert "\n" not in str(caught.value)


def test_depth_is_counted_outside_text_and_comments():
    text = 'a = "' + "[." * 100 + "\"\nb = '" + "[." * 100 + "'\n# " + "[." * 100 + '\nc = """\n' + "[." * 100 + '"""\n'
    assert len(parse_toml(text.encode(), "f")) == 3
    many = "\n".join(f"k{i} = [[{i}.5], [1.25]]" for i in range(100))
    assert len(parse_toml(many.encode(), "f")) == 100


def test_a_file_that_is_none(tmp_path):
    for path in (tmp_path, tmp_path / "none.toml", "/dev/zero", "a\0b"):
        with pytest.raises(InputError):
            read_toml(path)


@given(st.binary(max_size=300) | st.text("[]{}.\"'=#\n a1-_\\", max_size=300).map(str.encode))
def test_any_bytes_are_toml_or_refused(data):
    try:
        assert isinstance(parse_toml(data, "f.toml"), dict)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_no_jax_is_needed():
    subprocess.run([sys.executable, "-c", "import sys, scorax.spec; assert 'jax' not in sys.modules"], check=True)
