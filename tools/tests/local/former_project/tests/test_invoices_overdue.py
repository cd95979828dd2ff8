from lending.invoices_overdue import get_invoices_overdue
from sfn_cqrs.service.routes import Asked, own_routes


def test_it_answers_for_the_tenant_of_whoever_asks():
    asked = Asked("tenant1", "taro")

    assert get_invoices_overdue(asked) == {"tenant": "tenant1"}


def test_it_is_a_route_of_the_api():
    routes = [(one.method, one.path) for one in own_routes()]

    assert ("GET", "/invoices/overdue") in routes
