"""The routes without a token: the API as a page. This function may do nothing."""

from sfn_cqrs.api.api import api_of
from sfn_cqrs.api.resources import DESCRIPTION

app = api_of(DESCRIPTION)
lambda_handler = app.handle
