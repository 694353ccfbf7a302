"""The page: hostile names stay text, nothing external, absent records are said, the numbers survive."""

import copy
import json
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saved_runs import arrays, whole_run
from scorax import diagnostics
from scorax._errors import InputError
from scorax.checkpoint import Notes, RunFacts, read_records, record_files, save_step, seal_run, verify_run
from scorax.diagnostics import Axis
from scorax.records import HeldOut, MetricsLine, Records, Sampling
from scorax.report import render, write_report
from scorax.report._page import _worst

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)",
    "</style><style>*{display:none}",
    "</title><h1>x</h1>",
    "<svg onload=alert(1)>",
    "<iframe src=https://example.com>",
    "<a href='javascript:alert(1)'>x</a>",
    "<link rel=stylesheet href=//example.com/x.css>",
    "<base href=//example.com>",
    "<meta http-equiv=refresh content='0;url=//example.com'>",
    "{{ 7 * 7 }}",
    "{% include '/etc/passwd' %}",
    "]]><script>alert(1)</script>",
    "<!-- ",
    "-->",
    "&lt;b&gt;",
    "$x^2$",
    "$\\frac{1}{$",
    "a_{b} $ \\alpha",
    "\x00\x01\x1b[31m",
    "line\nbreak\ttab",
    "\u202egnp.exe",
    "\u2028\u2029",
    "\ud800",
    "x" * 5000,
    "列名 \U0001f600",
    "=cmd|' /C calc'!A0",
]


def make_records(names: list[str], seed: int = 0) -> Records:
    """Records of Gaussian data and Gaussian samples under these names; two columns get a field and a strip."""
    d = len(names)
    generator = np.random.default_rng(seed)
    mixing = generator.standard_normal((d, d)) / np.sqrt(d) + np.eye(d)
    data, samples = (generator.standard_normal((n, d)) @ mixing for n in (150, 120))
    axes = [Axis(name, "continuous") for name in names]
    values = generator.standard_normal(60)
    comparison = diagnostics.held_out_records(
        values, {"Gaussian": values - 1.0, "mixture": values - 0.3 * generator.random(60)}, source="test file"
    )
    records = Records(
        held_out=HeldOut((comparison,)),
        sampling=Sampling(drawn=120, failed=0),
        marginals=diagnostics.marginal_records(axes, data, samples),
        nearest=diagnostics.nearest_records(data, samples),
        path=diagnostics.path_records(
            np.array([10.0, 0.1]), generator.standard_normal((2, 40, d)), names=names, columns=range(min(d, 2))
        ),
    )
    if d > 1:
        records = replace(
            records,
            pairs=diagnostics.pairwise_records(axes, data, samples),
            correlations=diagnostics.correlation_records(names, data, samples),
        )
    if d == 2:
        axis = np.linspace(-2, 2, 20)
        points = np.stack(np.meshgrid(axis, axis), axis=-1)
        field = diagnostics.field_records((axis, axis), -points, -0.5 * (points**2).sum(-1), names=names)
        records = replace(records, field=field)
    return replace(records, verdict=diagnostics.verdict(records))


def as_json(records: Records) -> dict[str, Any]:
    """What stands in the files of the records, by name."""
    return {Path(name).stem: json.loads(content) for name, content in record_files(records).items()}


METRICS = [
    MetricsLine(
        step=s,
        train_loss=3 / s,
        validation_loss=1.0,
        held_out_nats=2.0,
        held_out_nats_members=(1.9, None),
        active=2,
    )
    for s in range(1, 40)
]
FACTS = RunFacts(seed=0)
RUN = Path("runs/x")


class Collector(HTMLParser):
    """Tags, attributes and the text of the element with id `numbers`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.numbers = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._inside = ("id", "numbers") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.numbers += data


TABLE_TAGS = {"table", "tr", "th", "td"}
TEXT_TAGS = {"h1", "h2", "h3", "p", "i", "b", "br", "small", "span", "ul", "li", "dl", "dt", "dd", "pre"}
PAGE_TAGS = {"html", "head", "meta", "title", "style", "body", "main", "header", "section", "div", "img"}
KNOWN_TAGS = TABLE_TAGS | TEXT_TAGS | PAGE_TAGS | {"details", "summary"}


def check_page(page: str) -> Collector:
    """Nothing but the template's own tags, no handler, no address but `data:`, in the page and in its pictures."""
    collector = Collector()
    collector.feed(page)
    assert set(collector.tags) <= KNOWN_TAGS
    for tag, name, value in collector.attributes:
        assert not name.startswith("on")
        assert name in {"lang", "charset", "http-equiv", "content", "name", "id", "class", "alt", "src"}
        if name == "src":
            assert tag == "img"
            assert value is not None
            assert value.startswith("data:image/svg+xml;base64,")
            check_picture(b64decode(value.split(",", 1)[1]).decode())
    assert not re.search(r"url\(|@import", page)
    return collector


def check_picture(svg: str) -> None:
    root = ET.fromstring(svg)
    for element in root.iter():
        assert not str(element.tag).endswith(("}script", "}foreignObject", "}a", "}metadata"))
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            if name.endswith("href"):
                assert value.startswith(("#", "data:image/png;base64,"))


def test_hostile_names_stay_text_everywhere() -> None:
    facts = RunFacts(
        seed=0,
        start=HOSTILE[0],
        candidates={HOSTILE[0]: {"0.1": 1.0}, HOSTILE[1]: {"0.1": 2.0}},
        device=HOSTILE[2],
        versions={HOSTILE[3]: HOSTILE[4]},
    )
    kinds = {name: "constant" if j % 2 else name for j, name in enumerate(HOSTILE)}
    page = render(make_records(HOSTILE), METRICS, facts, kinds, Path(HOSTILE[6]) / HOSTILE[2])
    collector = check_page(page)
    meta = [value for _, name, value in collector.attributes if name == "content"]
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in meta
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2028\u2029\ud800-\udfff]", page)


@pytest.mark.parametrize("pair", [HOSTILE[i : i + 2] for i in range(0, len(HOSTILE), 6)])
def test_hostile_names_in_the_two_column_figures(pair: list[str]) -> None:
    check_page(render(make_records(pair), [], FACTS, {}, RUN))


# 16 columns: small names and the widest grid; 61: beyond what histograms, the correlation matrix and its names show.
@pytest.mark.parametrize("d", [1, 2, 3, 16, 61])
def test_every_width_gives_a_page_whose_numbers_can_be_read_back(d: int) -> None:
    records = make_records([f"column {j}" for j in range(d)])
    collector = check_page(render(records, METRICS, FACTS, {}, RUN))
    numbers = json.loads(collector.numbers)
    assert numbers["held_out"] == as_json(records)["held_out"]
    assert len(numbers["marginals"]["columns"]) == d
    assert "frames" not in numbers["path"]


def test_a_column_without_a_distance_is_not_the_worst() -> None:
    random = np.random.default_rng(0)
    data, samples = random.normal(size=(2000, 3)), random.normal(size=(2000, 3))
    samples[:, 2] += 0.09
    data[:, 0] = samples[:, 0] = 1.0
    axes = [Axis("same", "constant"), Axis("fine", "continuous"), Axis("off", "continuous")]
    records = Records(marginals=diagnostics.marginal_records(axes, data, samples))
    assert _worst(replace(records, verdict=diagnostics.verdict(records)))[0][0].name == "off"


def test_absent_records_are_said_and_not_faked() -> None:
    page = render(Records(), [], FACTS, {}, RUN)
    check_page(page)
    assert page.count("Not computed") >= 6
    assert "Not recorded" in page
    assert page.count("not recorded") >= 6
    assert "<img" not in page


def test_the_page_is_the_same_text_every_time() -> None:
    records = make_records(["a", "b"])
    assert render(records, METRICS, FACTS, {}, RUN) == render(records, METRICS, FACTS, {}, RUN)


def test_metrics_with_absent_numbers_are_drawn() -> None:
    lines = [MetricsLine(step=step, validation_loss=1.0, held_out_nats=nats) for step, nats in ((1, None), (2, 1.0))]
    assert "Training loss and held-out" in render(Records(), lines, FACTS, {}, RUN)
    assert "Training loss and held-out" not in render(Records(), lines[:1], FACTS, {}, RUN)


def test_write_report_reads_the_run_folder_and_seals_it_anew(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run", as_json(make_records(["a", "b", "c"])))
    target = write_report(run.path)
    page = target.read_text()
    assert target == run.report
    assert "scorax 0.1.0" in page
    assert "Test file" in page
    check_page(page)
    verify_run(run)
    target.write_text("damaged")
    assert write_report(run.path).read_text() == page


def test_damaged_or_absent_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the folder of a run"):
        write_report(tmp_path / "nothing")
    run = whole_run(tmp_path / "run")
    (run.records / "held_out.json").write_text("{}")
    with pytest.raises(InputError, match=r"held_out\.json"):
        write_report(run.path)


def test_a_schema_of_columns_without_a_kind_is_named(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    run.write_json("schema.json", {"version": 3, "columns": [{"name": "a", "kind": "constant"}, {"name": "b"}]})
    for step in (1, 2):
        save_step(run, step, arrays(step), Notes())
    seal_run(run, FACTS)
    with pytest.raises(InputError, match=r"schema\.json: expected columns with a name and a kind each"):
        write_report(run.path)


def _changes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Places in a record, the first of every list, each with what may stand there instead: of another kind, length or sign."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), ...
            yield from _changes(item, (*path, key))
        yield (*path, "unknown"), 1
    elif isinstance(value, list):
        yield path, value[:-1]
        yield path, [*value, *value[-1:]]
        yield path, [*value, "x"]
        if value:
            yield from _changes(value[0], (*path, 0))
    for other in ("x", -7, [], {}, True, float("inf")):
        yield path, other


def _changed(record: Any, path: tuple[Any, ...], other: Any) -> Any:
    record = copy.deepcopy(record)
    if not path:
        return other
    place = record
    for step in path[:-1]:
        place = place[step]
    if other is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = other
    return record


def test_a_record_of_other_fields_kinds_or_shapes_is_named(tmp_path: Path) -> None:
    """What is not refused is of the same kind: another number or text, a list of another length where any fits."""
    records = as_json(make_records(["a", "b"]))
    field = records["field"]
    records["field"] |= {key: field[key][:2] for key in ("x", "y")}
    records["field"] |= {key: [row[:2] for row in field[key][:2]] for key in ("log_density", "arrows")}
    records["path"]["frames"] = [frame[:2] for frame in records["path"]["frames"]]
    told = 0
    run = whole_run(tmp_path / "run", {})
    for name, record in records.items():
        file = run.records / f"{name}.json"
        for path, other in _changes(record):
            file.write_text(json.dumps(_changed(record, path, other)))
            try:
                read_records(run)
            except InputError as error:
                told += 1
                assert f"{name}.json: " in str(error)  # noqa: PT017
                assert "\n" not in str(error)  # noqa: PT017
            else:
                same = other in (-7, "x", ...) or isinstance(other, list) or path == ("small_table",)
                assert same, (name, path, other)
        file.unlink()
    assert told > 500


def test_a_record_without_the_fields_of_categories_is_read() -> None:
    (column,) = as_json(make_records(["a"]))["marginals"]["columns"]
    assert not {"labels", "bars", "measure", "missing"} & set(column)
    assert "label" not in json.dumps(column["values"])
