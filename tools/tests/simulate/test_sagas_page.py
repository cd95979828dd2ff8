"""The saga of docs/testing.md, which is declared for its own test alone."""

import importlib


def test_the_saga_of_the_page_holds(simulate):
    page = importlib.import_module(f"{__package__}.sagas_page")

    page.test_a_courier_who_is_not_needed_is_told(simulate)
