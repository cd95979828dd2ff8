"""sweep_imports: every minute, and when the execution of an archive ends other than well.

Those that wait for their turn begin, as far as there are places.
"""

from sfn_cqrs.service.imports.queue import begin_waiting
from sfn_cqrs.service.sweep import IMPORTS, ZIPS, sweeping

lambda_handler = sweeping(IMPORTS, ZIPS, then=begin_waiting)
