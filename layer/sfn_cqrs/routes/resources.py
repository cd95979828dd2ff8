"""Every resource of the API, for functions that serve or describe them."""

from sfn_cqrs.routes import (
    approval_links,
    approvals,
    commands,
    data,
    erasures,
    imports,
    openapi,
    read_models,
    rebuilds,
    repairs,
    sagas,
    tasks,
    types,
    usage,
)

WITH_TOKEN = [
    resource.routes
    for resource in (
        approvals,
        commands,
        data,
        erasures,
        imports,
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
