from sfn_cqrs import bootstrap
from sfn_cqrs.care.usage.rules import PARTS, OfDay, OfType, Part

OPERATOR = {"custom:tenant": "tenant1", "cognito:groups": "[operator]"}
AT = "2026-11-25T12:00:00.000Z"


def keep(tenant, of_type):
    table = bootstrap.usage()
    table.put(tenant, Part(3, AT, {"OFFER": of_type}))
    for segment in range(PARTS):
        table.mark(Part(segment, AT, {}))


def test_an_operator_sees_what_the_own_tenant_uses(call):
    keep("tenant1", OfType(2, 1_000, {"2026-11-24": OfDay(3, 4, 5)}, 70_000))
    keep("tenant2", OfType(9, 9, {"2026-11-24": OfDay(9, 9)}))

    answer = call("GET", "/usage", claims=OPERATOR)

    assert answer.body == {
        "stored": [
            {"type": "OFFER", "items": 2, "bytes": 1_000, "objectBytes": 70_000, "known": 1.0}
        ],
        "days": [
            {
                "day": "2026-11-24",
                "type": "OFFER",
                "commands": 3,
                "rows": 4,
                "taskItems": 5,
                "known": 1.0,
            }
        ],
    }
