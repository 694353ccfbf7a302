"""``docs/correctness.md`` says which test catches which trap. ``python tests/test_correctness.py`` writes its last column."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "correctness.md"
NAME = re.compile(r"^def (test_trap_((?:\d\d_)(?:and_\d\d_)*)\w*)", re.MULTILINE)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)


def caught() -> dict[int, list[str]]:
    """Row number -> ``file: name`` of its tests, in the order of the files."""
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, numbers in NAME.findall(path.read_text()):
            for number in re.findall(r"\d\d", numbers):
                found.setdefault(int(number), []).append(f"`{path.relative_to(TESTS).as_posix()}`: `{name}`")
    return found


def rewritten(page: str) -> str:
    """The page with the tests that there are; a row that has none keeps what it says."""
    found = caught()

    def row(match: re.Match[str]) -> str:
        number, trap, tests = match.groups()
        return f"| {number} | {trap} | {'<br>'.join(found.get(int(number), [tests]))} |"

    return ROW.sub(row, page)


def test_the_page_names_every_test_of_a_trap():
    page = PAGE.read_text()
    assert page == rewritten(page), "run: python tests/test_correctness.py"
    assert [int(number) for number, _, _ in ROW.findall(page)] == list(range(1, 55))


def test_every_row_has_tests_or_says_why_not():
    found = caught()
    for number, _, tests in ROW.findall(PAGE.read_text()):
        assert int(number) in found or tests.startswith("none: "), number


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text()))
