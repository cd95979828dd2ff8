"""A local stack for tests: it reloads nothing, and its streams hardly wait for more records.

Those that search have PostgreSQL: `quick_stack(postgres=True)`; those that tell browsers what
happens, `quick_stack(live=True)`.
"""

from functools import partial

from sfn_cqrs_local.stack import LocalStack

quick_stack = partial(LocalStack, reload=False, window_seconds=0.05, postgres=False, live=False)
