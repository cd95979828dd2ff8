"""schema: JSON Schemas for editors."""

import click

from sfn_local.cli.command import command, print_json
from sfn_local.lint.json_schema import of_definitions, of_mock_configurations

SCHEMAS = {"asl": of_definitions, "mock": of_mock_configurations}


@command(
    examples=(
        "sfn-local schema asl > asl.schema.json",
        "sfn-local schema mock > mock.schema.json",
    ),
)
@click.argument("kind", metavar="asl|mock", type=click.Choice(list(SCHEMAS)))
def schema(kind: str) -> None:
    """Print a JSON Schema, for completion and checks in your editor.

    asl is for definitions, mock for MockConfigFile.json. In VS Code the setting json.schemas maps
    files to them. The lint finds more than a schema can.
    """
    print_json(SCHEMAS[kind]())
