import click
import pytest
from click.testing import CliRunner

from sfn_cqrs_tools.cli.options import RATE, rate_option, stack_options


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ([], 0),
        (["--stack", "prod"], RATE),
        (["--rate", "7", "--stack", "prod"], 7),
        (["--rate", "7"], 7),
        (["--rate", "0", "--stack", "prod"], 0),
    ],
)
def test_only_a_stack_on_aws_is_read_slowly(given, rate):
    read = []

    @click.command
    @rate_option
    @stack_options
    def command(rate, **_):
        read.append(rate)

    CliRunner().invoke(command, given, catch_exceptions=False)

    assert read == [rate]
