"""A pytest plugin: `run_machine` runs a real ASL file on stand-in functions and virtual time.

Example:
    def test_an_early_command_parks(run_machine):
        stubs = {"check_version": {"result": 1}, "wait_prev_command": None}
        run = run_machine("command", input=ORDER, stubs=stubs)

        assert run.path == ["check_version", "check_version_result", "wait_prev_command"]
        assert run.status == "RUNNING"

With `mock="CASE"` the tasks that a test case of MockConfigFile.json names answer as it says.

pytest imports this module in every project that has the package, so it imports nothing of the
engine before a test uses the fixture.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sfn_local.coverage import Coverage, Way
    from sfn_local.machine_run import MachineRun
    from sfn_local.mocks import MockConfig
    from sfn_local.stubs import NEVER, Stub

__all__ = ["NEVER", "MachineRun", "RunMachine", "run_machine"]

FOLDER_OPTION = "sfn_state_machines"
MOCKS_OPTION = "sfn_mock_config"
MOCKS_VARIABLE = "SFN_MOCK_CONFIG"
SUFFIX = ".asl.json"
COVERAGE = "sfn_local_coverage"

RunMachine = Callable[..., "MachineRun"]


def __getattr__(name: str) -> Any:
    """Import what a test imports from here."""
    if name == "MachineRun":
        from sfn_local.machine_run import MachineRun  # noqa: PLC0415 - slow to import

        return MachineRun
    if name == "NEVER":
        from sfn_local.stubs import NEVER  # noqa: PLC0415 - slow to import

        return NEVER
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a project say where its machines are."""
    parser.addini(FOLDER_OPTION, "the folder with *.asl.json files", default="statemachine")
    parser.addini(MOCKS_OPTION, f"the file for mock=…; else ${MOCKS_VARIABLE}", default="")
    group = parser.getgroup("sfn-local")
    group.addoption(
        "--sfn-cov",
        action="store_true",
        help="tell which ways through the state machines the tests have not taken",
    )
    group.addoption(
        "--sfn-cov-min",
        type=float,
        metavar="PERCENT",
        help="fail where the tests take a smaller share of a machine's ways",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect ways where that is asked for."""
    if config.getoption("--sfn-cov") or config.getoption("--sfn-cov-min") is not None:
        config.pluginmanager.register(CoveragePlugin(config), COVERAGE)


@pytest.fixture
def run_machine(pytestconfig: pytest.Config) -> RunMachine:
    """A function that runs `<folder>/<name>.asl.json`, given the input and stubs by state.

    Mock names a test case of the mock configuration.
    """
    folder = pytestconfig.rootpath / str(pytestconfig.getini(FOLDER_OPTION))

    def run(
        name: str,
        *,
        input: Any = None,  # noqa: A002 - AWS's word
        stubs: "Mapping[str, Stub] | None" = None,
        mock: str | None = None,
    ) -> "MachineRun":
        from sfn_local.machine_run import MachineRun  # noqa: PLC0415 - slow to import
        from sfn_local.mocks import MockError  # noqa: PLC0415

        mocks = None if mock is None else _load_mocks(pytestconfig)
        definition = _load(folder, name)
        coverage = pytestconfig.pluginmanager.getplugin(COVERAGE)
        ways = None if coverage is None else coverage.ways_of(folder / f"{name}{SUFFIX}")
        try:
            return MachineRun(definition, name, input, stubs or {}, mocks, mock, ways)
        except MockError as error:
            pytest.fail(str(error))

    return run


def _load_mocks(config: pytest.Config) -> "MockConfig":
    from sfn_local.mocks import DEFAULT_FILE, MockConfig  # noqa: PLC0415 - slow to import

    named = config.getini(MOCKS_OPTION) or os.environ.get(MOCKS_VARIABLE) or DEFAULT_FILE
    return MockConfig.read(config.rootpath / str(named))


def _load(folder: Path, name: str) -> Any:
    path = folder / f"{name}{SUFFIX}"
    if not path.is_file():
        files = sorted(folder.glob(f"*{SUFFIX}"))
        known = ", ".join(file.name.removesuffix(SUFFIX) for file in files) or "none"
        hint = f"the ini option {FOLDER_OPTION} names the folder"
        pytest.fail(f"there is no machine {name!r} in {folder}; there are: {known} ({hint})")
    return json.loads(path.read_text(encoding="utf-8"))


class CoveragePlugin:
    """Which ways through each machine the tests have taken, those of pytest-xdist's workers too."""

    def __init__(self, config: pytest.Config) -> None:
        """None yet."""
        self._config = config
        self._ways: dict[str, set[Way]] = {}

    def ways_of(self, path: Path) -> "set[Way]":
        """The ways of a file's machine, to be added to."""
        return self._ways.setdefault(str(path), set())

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand a worker's ways over; fail where the share is too small."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[COVERAGE] = {path: sorted(ways) for path, ways in self._ways.items()}
        elif self._too_small() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take a worker's ways."""
        for path, ways in getattr(node, "workeroutput", {}).get(COVERAGE, {}).items():
            self._ways.setdefault(path, set()).update(tuple(way) for way in ways)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell of each machine."""
        terminalreporter.section("coverage of state machines")
        for name, coverage in self._coverages().items():
            for line in coverage.lines(name):
                terminalreporter.write_line(line)
        for name in self._too_small():
            least = self._config.getoption("--sfn-cov-min")
            terminalreporter.write_line(f"{name} has less than {least:g} %", red=True)

    def _too_small(self) -> list[str]:
        least = self._config.getoption("--sfn-cov-min")
        if least is None:
            return []
        coverages = self._coverages()
        return [name for name, coverage in coverages.items() if coverage.percentage < least]

    def _coverages(self) -> "dict[str, Coverage]":
        from sfn_local.coverage import Coverage  # noqa: PLC0415 - slow to import

        return {
            Path(path).name.removesuffix(SUFFIX): Coverage.of(
                json.loads(Path(path).read_text(encoding="utf-8")), ways
            )
            for path, ways in sorted(self._ways.items())
        }
