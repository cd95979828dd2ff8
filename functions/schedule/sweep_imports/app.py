"""sweep_imports: every minute, and when the execution of an archive ends other than well.

Those that wait for their turn begin, as far as there are places.
"""

from sfn_cqrs.care.sweep import IMPORTS, ZIPS, sweeping
from sfn_cqrs.machines.import_csv.queueing import begin_waiting

lambda_handler = sweeping(IMPORTS, ZIPS, then=begin_waiting)
