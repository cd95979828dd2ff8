"""finish_imports: ends the imports whose execution has ended; errors.csv may take long."""

from sfn_cqrs.care.sweep import ENDED_IMPORTS, sweeping

lambda_handler = sweeping(ENDED_IMPORTS)
