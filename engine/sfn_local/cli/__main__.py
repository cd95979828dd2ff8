"""`python -m sfn_local.cli` is `sfn-local`."""

from sfn_local.cli import main

main()
