"""`python -m sfn_local.cli` is `sfn-cqrs`."""

from sfn_local.cli import main

main()
