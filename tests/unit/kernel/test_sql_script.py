import pytest

from sfn_cqrs.kernel.errors import MigrationError
from sfn_cqrs.kernel.sql.script import Migration, Statement, in_order


def statements(text):
    return [(one.line, one.text) for one in Migration("0001_a.sql", text).statements()]


def test_a_file_is_cut_at_its_semicolons():
    text = "CREATE TABLE a (b int);\n\n-- ; a comment\nSELECT 1;\nSELECT 2"

    assert statements(text) == [
        (1, "CREATE TABLE a (b int)"),
        (4, "SELECT 1"),
        (5, "SELECT 2"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ';', 'it''s;'",
        """SELECT E'\\';', "a;b", "c"";d" """.strip(),
        "CREATE FUNCTION f() RETURNS int AS $$ BEGIN; RETURN 1; END; $$ LANGUAGE plpgsql",
        "DO $body$ SELECT $$;$$; $body$",
        "SELECT 1 /* ; /* nested; */ ; */ + 2",
        "SELECT 1 -- ;\n + 2",
        "SELECT 東京 FROM \"a\" WHERE b = '\n;'",
    ],
)
def test_a_semicolon_within_something_ends_nothing(text):
    assert statements(f"{text};\n") == [(1, text)]


@pytest.mark.parametrize("text", ["", "  \n", "-- nothing\n;;/* nor here */;"])
def test_nothing_is_no_statement(text):
    assert statements(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT 1;\nSELECT 'open", 2),
        ('\n\nSELECT "open', 3),
        ("SELECT $a$ $b$", 1),
        ("/* /* */", 1),
    ],
)
def test_what_is_not_closed_is_told_with_its_line(text, line):
    with pytest.raises(MigrationError, match=rf"^0001_a.sql:{line}: what begins here is not"):
        statements(text)


@pytest.mark.parametrize("text", ["begin", "COMMIT", "rollback", "START TRANSACTION", "END"])
def test_a_file_does_not_end_its_transaction(text):
    with pytest.raises(MigrationError, match=r"^0001_a.sql:2: a file is one transaction already"):
        statements(f"SELECT 1;\n{text};")


def test_a_position_in_a_statement_has_a_line():
    statement = Statement("SELECT\n  a\nFROM b", line=7)

    assert [statement.line_at(place) for place in (1, 8, 10, 17)] == [7, 8, 8, 9]


def test_files_are_in_the_order_of_their_numbers():
    files = [Migration(f"000{n}_x.sql", "") for n in (2, 1, 3)]

    assert [one.number for one in in_order(files)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["0001_a.sql", "0003_c.sql"], "0003_c.sql: the next number is 0002"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql: the next number is 0002"),
        (["1_a.sql"], "1_a.sql: name it 0001_what_it_does.sql"),
        (["0001_A b.sql"], "0001_A b.sql: name it"),
    ],
)
def test_a_number_is_neither_missing_nor_twice_there(names, told):
    with pytest.raises(MigrationError, match=f"^{told}"):
        in_order([Migration(name, "") for name in names])
