"""The HTTP API: every route that wants a token, one function.

API Gateway has checked the token; tenant and operator come from its claims alone.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.api.api import api_of, spend_write
from sfn_cqrs.api.resources import DESCRIPTION, WITH_TOKEN

bootstrap.prepare()
app = api_of(*WITH_TOKEN, DESCRIPTION, has_own=True, first=(spend_write,))
lambda_handler = app.handle
