import sys
from types import ModuleType

import pytest
from tests.support.benchmarks import benchmark, rows_of
from tests.support.project import forget
from tests.support.proof import PROOF
from tests.support.typed import declaring, forgetting

from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings
from sfn_cqrs_tools.testing.quick_stack import quick_stack

pytestmark = [
    pytest.mark.stack,
    pytest.mark.real_time("all is counted once nothing has happened for a while"),
]


def assert_in_readme(name: str, figures: list) -> None:
    """The README has what the benchmark prints, word for word."""
    row = sys.modules["report"]._row
    printed = [row(figure) for figure in figures]
    assert printed == [(name_, *rows_of(name).get(name_, ())) for name_, *_ in printed]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("command", monkeypatch)


@pytest.fixture(params=["soon", pytest.param("in batches", marks=PROOF)])
def stack_of(request, monkeypatch, tmp_path):
    """Return a maker of a stack whose streams wait for nobody, or as long as the template says."""

    def make(recorder: Recorder, **parameters: str) -> LocalStack:
        given = {**benchmark("stacks", monkeypatch).AS_DEPLOYED, **parameters}
        options = {"state_dir": tmp_path, "recorder": recorder, "parameters": given}
        options["postgres"] = False  # one handler more, and its projection
        if request.param == "in batches":
            return LocalStack(Settings(**options, reload=False, live=False))
        monkeypatch.setattr("waiting.QUIET_SECONDS", 1)
        return quick_stack(**options)

    return make


def test_a_command_costs_what_the_readme_says(bench, stack_of):
    recorder = Recorder()

    with stack_of(recorder, ExpressLane="disabled") as stack:
        figures = bench._one_command(stack, recorder)
        (chain,) = bench._chain_of_two(stack, recorder)

    assert {figure.name: figure.value for figure in figures} == {
        "dollars a million, standard lane": pytest.approx(241.8, abs=0.1),
        "Lambda invocations": 10,
        "SNS publishes": 1,
        "state transitions": 9,
        "write units": 14,
        "read units": 10,
        "AWS calls": 21,
    }
    assert not any(figure.is_missed for figure in [*figures, chain])
    assert_in_readme("command", figures)
    assert chain.value in (20, 21), "one less where two records share a batch"
    assert rows_of("command")[chain.name][0] == "21"


def test_a_command_of_the_express_lane_costs_a_tenth(bench, stack_of):
    recorder = Recorder()

    with stack_of(recorder, ExpressLane="enabled") as stack:
        figures = bench._one_express_command(stack, recorder)

    assert {figure.name: figure.value for figure in figures} == {
        "Lambda invocations, express lane": 10,
        "write units, express lane": 14,
        "dollars a million, express lane": pytest.approx(18.88, abs=0.1),
    }
    assert not any(figure.is_missed for figure in figures)
    assert_in_readme("command", figures)


@pytest.mark.parametrize(
    ("stack_of", "rows", "invocations", "calls"),
    [("soon", 200, 5, 21), pytest.param("in batches", 1000, 13, 69, marks=PROOF)],
    indirect=["stack_of"],
)
def test_an_imported_row_costs_what_the_readme_says(
    rows, invocations, calls, monkeypatch, stack_of
):
    bench = benchmark("import", monkeypatch)
    monkeypatch.setattr(bench, "ROWS", rows)
    recorder = Recorder()

    with stack_of(recorder) as stack, declaring():
        bench.register()
        figures = {figure.name: figure for figure in bench.rows(stack, recorder)}

    assert figures["Lambda invocations, 1,000 created rows"].value == invocations
    assert figures["AWS calls, 1,000 created rows"].value == calls
    assert not any(figure.is_missed for figure in figures.values())


@PROOF
def test_a_declared_saga_costs_less_than_one_with_a_machine_of_its_own(monkeypatch):
    bench = benchmark("saga", monkeypatch)
    monkeypatch.setattr("waiting.QUIET_SECONDS", 1)
    recorder = Recorder()

    with bench.a_project() as template, forgetting():
        with bench._stack(template, recorder) as stack:
            figures = bench.of_both(stack, recorder)
        forget(template.parent)

    assert not any(figure.is_missed for figure in figures)
    assert figures[-1].value < 1
    assert_in_readme("saga", figures)


@pytest.mark.usefixtures("bench")
def test_a_missed_target_is_marked():
    figure = sys.modules["report"].Figure

    assert figure("a", 11, "", 11).is_missed is False
    assert figure("a", 12, "", 11).is_missed is True
    assert figure("a", 12, "", 13, at_least=True).is_missed is True


@PROOF
def test_a_page_of_the_console_reads_a_page_however_many_items_there_are(monkeypatch):
    bench = benchmark("console", monkeypatch)
    monkeypatch.setattr(bench, "ITEMS", 700)
    monkeypatch.setattr(bench, "TRIES", 1)

    units = {
        one.name.removesuffix(": read"): one.value for one in bench.measure() if one.unit == "units"
    }

    assert set(units) == set(bench.PAGES)
    assert max(units["items of a type"], units["items, next page"]) <= 25
    assert units["an item"] <= 30
    assert units["rows of a read model"] <= 5
    assert max(units.values()) <= 150
