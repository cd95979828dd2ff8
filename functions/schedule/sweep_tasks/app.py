"""sweep_tasks: every minute, and when an execution of a task ends other than well."""

from sfn_cqrs.care.sweep import TASKS, sweeping

lambda_handler = sweeping(TASKS)
