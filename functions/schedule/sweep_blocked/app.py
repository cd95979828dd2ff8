"""sweep_blocked: every minute, restart blocked versions whose wake was lost.

It also reports how many versions wait for a repair.
"""

from sfn_cqrs.care.sweep import BLOCKED, sweeping
from sfn_cqrs.machines.command.backlog import tell_backlog

lambda_handler = sweeping(BLOCKED, then=tell_backlog)
