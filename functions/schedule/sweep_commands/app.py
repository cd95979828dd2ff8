"""sweep_commands: every minute, and when an execution of a command ends other than well."""

from sfn_cqrs.care.sweep import COMMANDS, sweeping

lambda_handler = sweeping(COMMANDS)
