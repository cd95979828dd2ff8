"""The user's routes without a token: webhooks. Each checks who has sent it."""

from sfn_cqrs import bootstrap
from sfn_cqrs.api.api import api_of

bootstrap.prepare()
app = api_of(has_webhooks=True)
lambda_handler = app.handle
