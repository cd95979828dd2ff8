import click
import pytest
from click.testing import CliRunner

from sfn_cqrs_tools.cli.options import RATE, headers_of, rate_option, stack_options


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


def test_a_command_asks_as_the_user_and_the_groups_that_it_names(run):
    attributes = ("--name", "Seven", "--attributes", '{"customer": "ada", "total": 7}')

    published = run("publish", "ORDER", "as-1", *attributes, "--as", "nina:clerk", "--sync")

    assert published.code == 0
    found = run("data", "get", "ORDER", "as-1", "--as", "otto", "--json")
    assert found.json["createdBy"] == "nina"


@pytest.mark.parametrize("person", ["nina:", "nina:nurse,doctor"])
def test_a_user_whose_groups_are_named_is_in_no_other_group(person, run):
    assert run("usage", "--as", "nina", "--json").code == 0

    refused = run("usage", "--as", person)

    assert refused.code == 1
    assert "only members of the group 'operator' may do this" in refused.error


def test_on_aws_only_the_token_says_who_asks():
    with pytest.raises(click.UsageError, match="--as is for the local stack"):
        headers_of("nina:nurse", is_local=False)
