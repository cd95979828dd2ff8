"""The routes of an approval link, without a token: the link's signature replaces it.

While links are switched off, this function may do nothing.
"""

from sfn_cqrs.routes import approval_links
from sfn_cqrs.routes.api import api_of

app = api_of(approval_links.routes)
lambda_handler = app.handle
