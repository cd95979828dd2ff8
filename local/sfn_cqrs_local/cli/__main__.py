"""`python -m sfn_cqrs_local.cli` is `sfn-cqrs`."""

from sfn_cqrs_local.cli import main

main()
