"""Every fault of a CSV import that we know of, and the tests that show how it ends.

C1 to C24 are: the object, its text, its rows, the Map, the counting, and what stands behind.
"""

import ast
from pathlib import Path

import pytest
from tests.unit.domain.csv_corpus import CORPUS

TESTS = Path(__file__).parents[2]
UNIT, WHOLE = "unit/imports/test_jobs_of_files.py", "simulation/test_import_machine.py"
MACHINE, ROWS = "statemachine/test_import_csv.py", "unit/imports/test_row_batch.py"
LOADER, HANDLER, END = (
    f"unit/import_csv/test_{state}.py"
    for state in ("csv_loader", "csv_rows_handler", "finalize_parent_job")
)
FILES = "a file of the corpus"
FAULTS = {
    "C1 the object is missing": {
        UNIT: "test_a_file_that_is_not_there_is_refused",
        LOADER: "test_a_file_that_was_deleted_is_told_of",
        MACHINE: "test_a_file_that_cannot_be_read_leads_to_the_end_of_the_job",
    },
    "C2 the object is replaced": {
        "integration/test_import.py": "test_a_plain_file_is_read_in_the_version_that_was_started",
    },
    "C3 an empty file": {
        FILES: "empty",
        MACHINE: "test_a_file_without_rows_and_a_bad_one_run_no_map",
    },
    "C4 a header only": {FILES: "the header only"},
    "C5 a name twice in the header": {FILES: "a name twice"},
    "C6 a byte order mark": {FILES: "byte order mark"},
    "C7 a wrong encoding": {FILES: "CP932 declared as UTF-8"},
    "C8 line ends and blank lines": {FILES: "blank lines"},
    "C9 other delimiters": {FILES: "semicolons, commas in cells"},
    "C10 ragged rows": {FILES: "a short row"},
    "C11 line breaks in cells, open quotes": {FILES: "a quote that is never closed"},
    "C12 backslashes": {FILES: "a backslash before a quoted line break"},
    "C13 a huge cell": {
        FILES: "a cell of 200,000 characters",
        MACHINE: "test_large_rows_come_in_smaller_batches_that_pass_twice",
    },
    "C14 NUL and control characters": {FILES: "a NUL in a cell"},
    "C15 too many bytes or rows": {
        UNIT: "test_a_file_of_more_than_ten_gib_is_refused",
        LOADER: "test_a_file_of_too_many_rows_is_refused",
    },
    "C16 a batch fails": {
        WHOLE: "test_a_batch_that_dies_at_every_try_fails_its_rows_and_no_others",
        MACHINE: "test_batches_that_fail_do_not_keep_the_others_from_running",
    },
    "C17 a batch runs twice": {
        WHOLE: "test_every_function_that_is_given_up_and_goes_on_is_counted_once",
        HANDLER: "test_a_batch_that_comes_twice_is_counted_once",
        "simulation/test_import_crashes.py": (
            "test_a_batch_that_dies_at_any_call_ends_exact_when_it_comes_again"
        ),
    },
    "C18 the Map is tried again": {MACHINE: "test_a_map_is_not_tried_again"},
    "C19 a Map Run fails half-way, or is redriven": {
        MACHINE: "test_a_map_that_fails_half_way_leads_to_the_end_of_the_job",
        WHOLE: "test_an_execution_that_is_stopped_half_way_ends_its_job_and_a_retry_does_the_rest",
    },
    "C20 a row is retried twice": {
        ROWS: "test_a_batch_that_is_delivered_again_changes_nothing_and_says_the_same",
        UNIT: "test_only_the_failed_rows_are_gone_through_under_their_numbers",
    },
    "C21 a row is refused": {ROWS: "test_bad_rows_are_kept_with_their_reason_and_the_others_go_on"},
    "C22 the end comes twice, too early, or does not add up": {
        END: "test_a_job_ends_once_and_tells_every_other_caller_how",
        WHOLE: "test_a_function_that_dies_at_any_call_changes_nothing_of_the_end",
        "contract/test_import_table.py": "test_a_job_that_is_sealed_counts_no_further_batch",
    },
    "C23 results too large for a state": {
        MACHINE: "test_the_states_carry_keys_and_never_a_row",
    },
    "C24 rows outrun the command machine": {
        ROWS: "test_a_version_that_a_row_published_has_no_process_and_names_its_row",
        "simulation/test_import_interleavings.py": (
            "test_an_import_beside_live_commands_keeps_the_order_and_loses_nothing"
        ),
    },
}
NAMED = [(fault, where, what) for fault, tests in FAULTS.items() for where, what in tests.items()]


def test_no_fault_is_left_out():
    numbers = [fault.split()[0] for fault in FAULTS]

    assert numbers == [f"C{number}" for number in range(1, 25)]


@pytest.mark.parametrize(
    ("fault", "where", "what"), NAMED, ids=[f"{n[0][:3]}-{n[1]}" for n in NAMED]
)
def test_a_fault_has_the_test_that_is_named(fault, where, what):
    if where == FILES:
        assert what in CORPUS, fault
        return
    tree = ast.parse((TESTS / where).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    assert what in functions, fault
