import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.machines.import_csv.csv import cells


@pytest.mark.parametrize(
    ("reader", "cell", "value"),
    [
        (cells.text, " as it stands ", " as it stands "),
        (cells.filled, "x", "x"),
        (cells.integer, "-12", -12),
        (cells.integer, "007", 7),
        (cells.number, "1.50", 1.5),
        (cells.number, "-2e3", -2000.0),
        (cells.number, ".5", 0.5),
        (cells.boolean, "TRUE", True),
        (cells.boolean, "false", False),
        (cells.date, "2024-02-29", "2024-02-29"),
    ],
)
def test_a_cell_is_read_as_what_it_is(reader, cell, value):
    assert reader("column", cell) == value


@pytest.mark.parametrize(
    ("reader", "cell", "problem"),
    [
        (cells.filled, "", "must not be empty"),
        (cells.integer, "1_000", "'1_000' is not a whole number"),
        (cells.integer, "１２", "'１２' is not a whole number"),
        (cells.integer, "1.0", "'1.0' is not a whole number"),
        (cells.integer, "9" * 39, f"'{'9' * 39}' is not a whole number"),
        (cells.number, "nan", "'nan' is not a number"),
        (cells.number, "1_0.5", "'1_0.5' is not a number"),
        (cells.number, "1,5", "'1,5' is not a number"),
        (cells.boolean, "yes", "'yes' is neither true nor false"),
        (cells.date, "2023-02-29", "'2023-02-29' is not a date such as 2026-11-25"),
        (cells.date, "20240229", "'20240229' is not a date such as 2026-11-25"),
    ],
)
def test_what_is_none_of_its_kind_is_refused_by_its_column(reader, cell, problem):
    with pytest.raises(InvalidInputError) as refused:
        reader("column", cell)

    assert (refused.value.field, refused.value.problem) == ("column", problem)
