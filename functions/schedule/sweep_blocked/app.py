"""sweep_blocked: every minute, what is blocked and whose wake was lost.

It tells how many versions wait for a repair, too.
"""

from sfn_cqrs.service.commands.backlog import tell_backlog
from sfn_cqrs.service.sweep import BLOCKED, sweeping

lambda_handler = sweeping(BLOCKED, then=tell_backlog)
