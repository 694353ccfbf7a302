"""What a cell of text can be taken for, as regular expressions that Arrow and Python both read."""

MISSING = r"(?i)^(|na|n/a|#n/a|<na>|nan|[+-]nan|null|none|\?|--?|\.)$"
"""A missing cell of a column of numbers, truth values or times."""

TEXT_MISSING = frozenset(("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "?"))
"""Missing cells of a column of texts: those that hardly anybody writes for something else."""

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""A number, with a point for its decimals if it has some."""

COMMA_NUMBER = r"^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?$"
"""A number with a decimal comma."""

GROUPED = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"
"""Such a number that may as well be an integer with a comma between its thousands."""

INFINITE = r"(?i)^[+-]?inf(inity)?$"

CODE = r"^0[0-9]+$"
"""Digits that are no integer, or the leading zero would not be there."""

PAIRS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
"""Words for false and true, in lower case."""

TRIM = " \t"
"""What may stand around a cell of a number, a truth value or a time."""
