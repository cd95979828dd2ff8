"""What is wrong with a MockConfigFile.json.

Step Functions Local takes such a file, and fails only the execution that comes to the fault.
"""

from sfn_local.lint.finding import Finding, Report
from sfn_local.lint.json_positions import JsonSyntaxError, escape, parse
from sfn_local.mocks import MockConfig, MockError

RESPONSES = "MockedResponses"


def is_mock_file(text: str) -> bool:
    """Whether a text is that of a mock configuration, and of no definition."""
    try:
        value = parse(text).value if RESPONSES in text else None
    except JsonSyntaxError:
        return False
    return isinstance(value, dict) and RESPONSES in value and "StartAt" not in value


def lint_mocks(text: str, name: str = "") -> list[Finding]:
    """Return the findings of a mock configuration, in the order of the text."""
    report = Report(parse(text), name)
    try:
        faults = list(MockConfig(text).faults())
    except MockError as error:
        report.add("mock-file", "", str(error))
        return report.findings()
    for fault in faults:
        pointer = "".join(f"/{escape(part)}" for part in fault.place)
        report.add("mock-response", pointer, fault.message)
    return report.findings()
