"""The routes of an approval link, without a token: the link's signature replaces it.

While links are switched off, this function may do nothing.
"""

from sfn_cqrs.api.api import api_of
from sfn_cqrs.machines.approval import link_routes as approval_links

app = api_of(approval_links.routes)
lambda_handler = app.handle
