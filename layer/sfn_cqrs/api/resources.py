"""Every resource of the API, for functions that serve or describe them."""

from sfn_cqrs.api import imports_routes as imports
from sfn_cqrs.api import openapi
from sfn_cqrs.api import read_models_routes as read_models
from sfn_cqrs.api import types_routes as types
from sfn_cqrs.care.erasure import routes as erasures
from sfn_cqrs.care.repairs import routes as repairs
from sfn_cqrs.care.usage import routes as usage
from sfn_cqrs.machines.approval import link_routes as approval_links
from sfn_cqrs.machines.approval import routes as approvals
from sfn_cqrs.machines.command import data_routes as data
from sfn_cqrs.machines.command import routes as commands
from sfn_cqrs.machines.rebuild import routes as rebuilds
from sfn_cqrs.machines.saga import routes as sagas
from sfn_cqrs.machines.schedule import job_routes as jobs
from sfn_cqrs.machines.schedule import routes as plans
from sfn_cqrs.machines.task import routes as tasks

WITH_TOKEN = [
    resource.routes
    for resource in (
        approvals,
        commands,
        data,
        erasures,
        imports,
        jobs,
        plans,
        read_models,
        rebuilds,
        repairs,
        sagas,
        tasks,
        types,
        usage,
    )
]
RESOURCES = [*WITH_TOKEN, approval_links.routes]
DESCRIPTION = openapi.routes_for(RESOURCES)
