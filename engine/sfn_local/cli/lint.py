"""lint: what is wrong with state machine definitions."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sfn_local.cli.command import FILE, command, json_option, print_json
from sfn_local.cli.definitions import find, read
from sfn_local.cli.showing import echo, styled
from sfn_local.lint import RULES, Finding, sarif
from sfn_local.lint.mock_files import is_mock_file, lint_mocks
from sfn_local.lint.rules import ADVICE, ERROR, WARNING
from sfn_local.lint.sources import lint_file
from sfn_local.lint.template import lint_in_template
from sfn_local.lint.template_file import TemplateError
from sfn_local.words import meant

COLORS = {ERROR: "red", WARNING: "yellow", ADVICE: "cyan"}


@command(
    examples=(
        "sfn-local lint statemachine/*.asl.json",
        "sfn-local lint template.yaml",
        "sfn-local lint order.asl.json --advice --ignore catch-missing --json",
        "sfn-local lint statemachine/*.asl.json --format sarif > lint.sarif",
    ),
)
@click.argument("definitions", nargs=-1, required=True, metavar="FILE...")
@click.option("--ignore", multiple=True, metavar="ID", help="Leave a rule out; may be repeated.")
@click.option("--advice", is_flag=True, help="Also say what is right, and could be safer.")
@click.option("--strict", is_flag=True, help="Any finding makes the exit code 1.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "sarif")),
    default="text",
    help="What to print; sarif is SARIF 2.1.0.  [default: text]",
)
@click.option(
    "--template",
    type=FILE,
    help="The SAM or CloudFormation template that deploys them: check it against them.",
)
@json_option
def lint(
    definitions: tuple[str, ...],
    ignore: tuple[str, ...],
    advice: bool,
    strict: bool,
    form: str,
    template: Path | None,
    as_json: bool,
) -> None:
    """Check state machine definitions, also in templates. Errors make the exit code 1.

    An error is what AWS refuses or what cannot work; a warning is a mistake that AWS takes.
    ${placeholders} are values of unknown types. A MockConfigFile.json is checked, too.

    With --template it also finds missing and unused substitutions, functions that a machine's role
    may not invoke, and machines without logs or traces.
    """
    if as_json and form == "sarif":
        raise click.UsageError("--json and --format sarif exclude each other")
    for rule in ignore:
        if rule not in RULES:
            raise click.UsageError(f"--ignore: there is no rule {rule}{meant(rule, RULES)}")
    findings = [
        finding
        for definition in definitions
        for finding in _find_faults(find(definition), template)
        if finding.id not in ignore and (advice or finding.severity != ADVICE)
    ]
    if form == "sarif":
        print_json(sarif(findings))
    elif as_json or form == "json":
        print_json([_shown(finding) for finding in findings])
    else:
        _print_findings(findings, len(definitions))
    if any(strict or finding.severity == ERROR for finding in findings):
        raise click.exceptions.Exit(1)


def _find_faults(path: Path, template: Path | None) -> list[Finding]:
    text = read(path)
    if is_mock_file(text):
        return lint_mocks(text, str(path))
    try:
        findings = lint_file(path, text, _note)
        if template is not None:
            findings += lint_in_template(text, path, template)
    except TemplateError as error:
        raise click.ClickException(str(error)) from error
    return findings


def _note(text: str) -> None:
    echo(f"note: {text}", err=True)


def _print_findings(findings: list[Finding], files: int) -> None:
    for finding in findings:
        color = COLORS[finding.severity]
        place = f"{finding.file}:{finding.line}:{finding.column}"
        severity = styled(finding.severity, fg=color)
        echo(f"{place}: ", severity, f": {finding.message} [{finding.id}]")
        echo(styled(f"    {finding.hint}", dim=True))
    if findings:
        severities = [finding.severity for finding in findings]
        counts = f"{_count(severities.count(ERROR), 'error')}, "
        counts += _count(severities.count(WARNING), "warning")
        if ADVICE in severities:
            counts += f", {_count(severities.count(ADVICE), 'piece')} of advice"
        echo(f"{counts} in {_count(files, 'file')}", err=True)
    else:
        echo(f"no findings in {_count(files, 'file')}", err=True)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _shown(finding: Finding) -> dict[str, Any]:
    """All but what AWS would say."""
    return {name: value for name, value in asdict(finding).items() if not name.startswith("refus")}
