"""Cells of text of one column, block by block: what they mean, and what they are in numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scorax._errors import refusal
from scorax._text import quote
from scorax.data._arrow import as_numpy, flags
from scorax.data._bad_cells import BadCells
from scorax.data._blocks import Block, BooleanBlock, NumberBlock, TextBlock, TimeBlock, joined
from scorax.data._number_cells import points, read_numbers
from scorax.data._table import Limits
from scorax.data._words import CODE, COMMA_NUMBER, GROUPED, INFINITE, MISSING, NUMBER, PAIRS, TEXT_MISSING, TRIM
from scorax.data.formats import ISO, Format, Layout, TextFormat, TimeFormat, layouts_of, read_times

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(eq=False)
class ColumnCells:
    """The blocks of one column, all of the kind that its cells so far are of.

    Attributes:
        path: the file.
        name: of the column.
        number: of the column, for the tallies.
        limits: what it may cost.
        bad: tallies of the file.
        as_text: whether cells are texts whatever they look like.
        again: whether cells came that are not of one kind: the column has to be read again as text.
        missing: how often each word was read as missing.
        grouped: whether every number with a comma so far may be an integer with its thousands apart.
    """

    path: Path
    name: str
    number: int
    limits: Limits
    bad: BadCells
    as_text: bool = False
    again: bool = False
    missing: Counter[str] = field(default_factory=Counter)
    grouped: bool = True
    _blocks: list[Block | int] = field(default_factory=list)
    _known: Block | None = None

    def add(self, cells: "pa.Array", first_row: int) -> None:
        """Takes the cells of the next block; ``first_row`` is the number of the row of its first."""
        self._check_lengths(cells, first_row)
        if self.again:
            return
        textual = self.as_text or isinstance(self._known, TextBlock)
        block = self._text(cells, first_row) if textual else self._block(cells, first_row)
        merged = block if self._known is None or isinstance(block, int) else _merged(self._known, block)
        if block is None or merged is None:
            self.again = True
            return
        self._blocks.append(block)
        if not isinstance(merged, int):
            self._known = merged

    def close(self) -> None:
        """Says that no block comes any more."""
        known = self._known
        if isinstance(known, BooleanBlock) and None in known.words:
            (seen,) = (word for word in known.words if word is not None)
            if seen.lower() not in PAIRS[0]:
                self.again = True  # of one such word alone nobody knows that it is half of a pair
                return
            truth = seen.lower() == "true"
            other = PAIRS[0][not truth]
            other = other.upper() if seen.isupper() else other.title() if seen.istitle() else other
            self._known = replace(known, words=(other, seen) if truth else (seen, other))

    @property
    def mark(self) -> str:
        """The mark of the decimals of a column of numbers that has some."""
        return self._known.mark if isinstance(self._known, NumberBlock) else ""

    @property
    def decimals(self) -> frozenset[int]:
        """How many decimals cells without an exponent have."""
        return frozenset(d.decimals for b in self._blocks if isinstance(b, NumberBlock) for d in b.digits)

    def finish(self) -> tuple[np.ndarray, Format]:
        """The values of the column and its format."""
        known = NumberBlock(np.empty(0), 0, 0) if self._known is None else self._known
        blocks: list[Block] = [_absent(known, b) if isinstance(b, int) else b for b in self._blocks]
        if isinstance(known, BooleanBlock):
            blocks = [replace(b, words=known.words) for b in blocks if isinstance(b, BooleanBlock)]
        values, form = joined(blocks, self.name, self.path)
        return self._dated(values, form) if isinstance(form, TextFormat) else (values, form)

    def _check_lengths(self, cells: "pa.Array", first_row: int) -> None:
        import pyarrow.compute as pc

        ask: Any = pc
        longest = ask.max(ask.binary_length(cells)).as_py() or 0
        if longest > self.limits.field_bytes:
            row = first_row + int(np.argmax(as_numpy(ask.binary_length(cells))))
            raise refusal(
                self.path,
                expected=f"cells of at most {self.limits.field_bytes} bytes",
                got=f"{longest} in column {quote(self.name)}, row {row}",
                do="check the quotes",
            )

    def _block(self, cells: "pa.Array", first_row: int) -> Block | int | None:
        """The block of these cells, or their number if all are missing; ``None`` if they are texts below other cells."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ask: Any = pc
        try:
            # Most columns are of plain numbers: Arrow tells in one go.
            values = as_numpy(ask.cast(cells, pa.float64()))
        except pa.ArrowInvalid:
            return self._distinct(cells, first_row)
        absent = np.isnan(values)
        if absent.all():
            return self._distinct(cells, first_row)
        if ask.any(ask.match_substring_regex(cells, CODE)).as_py() and not points(cells):
            return self._below(cells, first_row)
        if absent.any():
            named = ask.filter(cells, ask.match_substring_regex(cells, MISSING)).dictionary_encode()
            self._count(as_numpy(named.indices), named.dictionary.to_pylist())
        if not np.isfinite(values).all():
            self.bad.note_values(self.number, values, first_row)
        return read_numbers(cells, values, self.path, self.name, lambda i: first_row + i)

    def _distinct(self, cells: "pa.Array", first_row: int) -> Block | int | None:
        """The same for a block in which some cell is not a plain number: its distinct cells are told apart."""
        import pyarrow.compute as pc

        ask: Any = pc
        encoded = cells.dictionary_encode()
        places = as_numpy(encoded.indices)
        # Regular expressions only: to make a value of its own from one of Python, Arrow imports pandas.
        words = ask.utf8_trim(encoded.dictionary, characters=TRIM)
        absent = ask.match_substring_regex(words, MISSING)
        gone, present = flags(absent), ask.filter(words, ask.invert(absent))
        block: Block | int | None = len(cells)
        if len(present):
            block = self._numbers(words, absent, present, places, first_row)
            block = block or _booleans(present, gone) or self._times(present, gone)
        if block is None:
            return self._below(cells, first_row)
        self.bad.note("missing", self.number, gone[places], first_row)
        self._count(places[gone[places]], words.to_pylist() if gone.any() else [])
        if isinstance(block, int):
            return block
        if isinstance(block, NumberBlock):
            self.bad.note("infinite", self.number, np.isinf(block.values)[places], first_row)
        return replace(block, values=block.values[places]) if not isinstance(block, TextBlock) else block

    def _numbers(
        self, words: "pa.Array", absent: "pa.Array", present: "pa.Array", places: np.ndarray, first_row: int
    ) -> NumberBlock | None:
        """Distinct cells as numbers, where they are."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ask: Any = pc
        comma = ask.match_substring_regex(present, COMMA_NUMBER)
        infinite = ask.match_substring_regex(present, INFINITE)
        number = ask.or_(ask.match_substring_regex(present, NUMBER), ask.or_(infinite, comma))
        commas = ask.any(comma).as_py()
        if not ask.all(number).as_py() or (commas and ask.any(ask.match_substring_regex(present, "[.]")).as_py()):
            return None
        if not commas and ask.any(ask.match_substring_regex(present, CODE)).as_py() and not points(present):
            return None
        if commas and self.grouped:
            self.grouped = bool(ask.all(ask.match_substring_regex(ask.filter(present, comma), GROUPED)).as_py())
        plain = ask.replace_substring_regex(words, r"^\+", "")
        plain = ask.replace_substring_regex(plain, ",", ".")
        plain = ask.if_else(absent, ask.replace_substring_regex(plain, r"(?s)^.*$", "nan"), plain)
        values = as_numpy(ask.cast(plain, pa.float64()))
        row_of = lambda i: first_row + int(np.argmax(places == i))  # noqa: E731
        found = read_numbers(plain, values, self.path, self.name, row_of)
        return replace(found, mark=",") if commas else found

    def _times(self, present: "pa.Array", gone: np.ndarray, date: Layout = ISO) -> TimeBlock | None:
        """Distinct cells as times, where they are."""
        found = read_times(present, date)
        if found is None:
            return None
        ticks = np.zeros(len(gone), np.int64)
        ticks[~gone] = found.ticks
        form = TimeFormat(found.written, found.written, found.mark, found.zone, hour=found.hour)
        return TimeBlock.of(ticks, gone, form, self.path, self.name)

    def _dated(self, places: np.ndarray, texts: TextFormat) -> tuple[np.ndarray, Format]:
        """Texts as times where all are dates in one layout, and one only: which that is, all rows say together."""
        import pyarrow as pa

        gone = np.array([bool(re.match(MISSING, text)) for text in texts.levels], dtype=bool)
        present = [text for text, out in zip(texts.levels, gone.tolist(), strict=True) if not out]
        layouts = layouts_of(present)
        # Blocks that are written in two ways each by itself may be written in one together: hours of two digits, and of one.
        date = layouts[0] if len(layouts) == 1 else ISO
        if date == ISO and not (present and re.match("[0-9]{4}-[0-9]{2}-", present[0])):
            return places, texts
        found = self._times(pa.array(present, pa.string()), gone, date)
        if found is None:
            return places, texts
        rows = np.where(np.isnan(places), -1, places).astype(np.int64)
        self.bad.note("missing", self.number, np.append(gone, False)[rows], 1)
        self._count(rows[np.append(gone, False)[rows]], list(texts.levels))
        levels, form = joined([found], self.name, self.path)
        return np.append(levels, np.nan)[rows], replace(form, date=date)

    def _below(self, cells: "pa.Array", first_row: int) -> Block | None:
        # What was missing among numbers may be a text among texts, so that blocks above are read again.
        return None if self._blocks else self._text(cells, first_row)

    def _text(self, cells: "pa.Array", first_row: int) -> TextBlock:
        encoded = cells.dictionary_encode()
        places, texts = as_numpy(encoded.indices).astype(np.int64), encoded.dictionary.to_pylist()
        gone = np.array([text.strip(TRIM) in TEXT_MISSING for text in texts], dtype=bool)
        if gone.any():
            self.bad.note("missing", self.number, gone[places], first_row)
            self._count(places[gone[places]], texts)
            places = np.where(gone, -1, np.cumsum(~gone) - 1)[places]
        return TextBlock(places, [text for text, out in zip(texts, gone.tolist(), strict=True) if not out])

    def _count(self, places: np.ndarray, words: list[str]) -> None:
        """Counts words that are read as missing."""
        counts = np.bincount(places, minlength=len(words)).tolist()
        self.missing.update({word.strip(TRIM): n for word, n in zip(words, counts, strict=True) if n})


def _booleans(present: "pa.Array", gone: np.ndarray) -> BooleanBlock | None:
    """Distinct cells as truth values: words of one pair, each spelled in one way."""
    if len(present) > 2:
        return None
    words = present.to_pylist()
    pair = next((pair for pair in PAIRS if {word.lower() for word in words} <= set(pair)), None)
    if pair is None or len({word.lower() for word in words}) < len(words):
        return None
    values = np.full(len(gone), np.nan)
    values[~gone] = [pair.index(word.lower()) for word in words]
    spelled = {word.lower(): word for word in words}
    return BooleanBlock(values, (spelled.get(pair[0]), spelled.get(pair[1])))


def _merged(known: Block, block: Block | None) -> Block | None:
    """What is known of a column of which one more block came; ``None`` where it is of another kind."""
    if isinstance(known, NumberBlock) and isinstance(block, NumberBlock):
        return None if {known.mark, block.mark} == {".", ","} else replace(block, mark=block.mark or known.mark)
    if isinstance(known, BooleanBlock) and isinstance(block, BooleanBlock):
        pairs = list(zip(known.words, block.words, strict=True))
        false, true = (b if a is None else a for a, b in pairs)
        alike = all(a is None or b is None or a == b for a, b in pairs)
        whole = None in (false, true) or any((str(false).lower(), str(true).lower()) == pair for pair in PAIRS)
        return replace(block, words=(false, true)) if alike and whole else None
    if isinstance(known, TimeBlock) and isinstance(block, TimeBlock):
        forms = {
            (b.mark, b.zone, b.hour, b.written if b.written in ("day", "minute") else "second") for b in (known, block)
        }
        return block if len(forms) == 1 else None
    return block if type(known) is type(block) else None


def _absent(known: Block, count: int) -> Block:
    """A block of missing cells of a kind."""
    if isinstance(known, TextBlock):
        return TextBlock(np.full(count, -1), ())
    if isinstance(known, NumberBlock):
        return NumberBlock(np.full(count, np.nan), 0, 0)
    nothing = replace(known, values=np.full(count, np.nan))
    return replace(nothing, origin=0, unit="day") if isinstance(nothing, TimeBlock) else nothing


def read_cells(texts: Sequence[str], name: str, where: str) -> tuple[np.ndarray, Format]:
    """Cells that a person writes, read as those of a CSV file are; ``where`` begins messages.

    Raises:
        InputError: a cell that cannot be read.
    """
    import pyarrow as pa

    path, cells = Path(where), pa.array(texts, pa.string())
    for as_text in (False, True):
        column = ColumnCells(path, name, 0, Limits(), BadCells(path, (name,)), as_text=as_text)
        column.add(cells, 1)
        column.close()
        if not column.again:
            break
    return column.finish()
