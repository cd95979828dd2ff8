"""sweep_commands: every minute, and when an execution of a command ends other than well.

It also restarts blocked versions whose wake was lost, and reports how many wait for a repair.
"""

from sfn_cqrs.care.sweep import BLOCKED, COMMANDS, sweeping
from sfn_cqrs.machines.command.backlog import tell_backlog

lambda_handler = sweeping(COMMANDS, BLOCKED, then=tell_backlog)
