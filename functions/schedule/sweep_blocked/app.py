"""sweep_blocked: every minute, what is blocked and whose wake was lost."""

from sfn_cqrs.service.sweep import BLOCKED, sweeping

lambda_handler = sweeping(BLOCKED)
