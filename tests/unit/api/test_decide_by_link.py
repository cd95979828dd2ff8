from functions.api.decide_by_link.app import app, lambda_handler


def test_a_link_that_was_not_made_here_opens_nothing(sample, world):  # noqa: ARG001
    answer = lambda_handler(sample("api/decide_by_link"), None)

    assert answer["statusCode"] == 403
    assert "Not possible" in answer["body"]


def test_it_answers_links_alone():
    assert sorted(route.method for route in app._dynamic_routes) == ["GET", "POST"]
    assert app._static_routes == []
