"""What is wrong with a form, field by field."""

import pytest

from sfn_cqrs_tools.console.application import Refused, fields_of, json_of


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"detail": "type: 'EGLL' is not registered"}, {"type": "'EGLL' is not registered"}),
        (
            {"detail": "attributes.lat: must be a number"},
            {"attributes": "lat: must be a number", "attributes.lat": "must be a number"},
        ),
        ({"detail": "taskType: is missing"}, {"type": "is missing"}),
        ({"detail": "somebody was faster"}, {}),
        ({}, {}),
        (
            {
                "detail": "2 fields",
                "problems": [
                    {"field": "attributes.a", "reason": "is missing"},
                    {"field": "attributes.b[0].c", "reason": "is unknown"},
                ],
            },
            {
                "attributes": "a: is missing; b[0].c: is unknown",
                "attributes.a": "is missing",
                "attributes.b.0.c": "is unknown",
            },
        ),
    ],
)
def test_each_field_has_what_is_wrong_with_it(document, fields):
    assert fields_of(document) == fields


def test_text_that_is_not_json_says_where():
    with pytest.raises(Refused) as told:
        json_of('{"a": 1,\n b}', "attributes")

    assert "line 2, column 2" in told.value.fields["attributes"]
