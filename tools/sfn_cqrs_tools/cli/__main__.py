"""`python -m sfn_cqrs_tools.cli` is `sfn-cqrs`."""

from sfn_cqrs_tools.cli import main

main()
