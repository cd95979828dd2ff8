"""sweep_blocked: every minute, restart blocked versions whose wake was lost.

It also reports how many versions wait for a repair.
"""

from sfn_cqrs.service.commands.backlog import tell_backlog
from sfn_cqrs.service.sweep import BLOCKED, sweeping

lambda_handler = sweeping(BLOCKED, then=tell_backlog)
