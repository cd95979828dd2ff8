from sfn_cqrs_tools.testing.builders import a_finished_import
from shop.deliveries import remember_delivery

FINISHED = a_finished_import("FAILED", ["a.csv"], created=3, updated=2, unchanged=7, failed=1)


def test_a_delivery_is_remembered_once_with_what_came_of_it(world):
    remember_delivery(FINISHED)
    remember_delivery(FINISHED)

    assert world.read_model("deliveries").rows("tenant1", "archives") == [
        {
            "sort": FINISHED.id,
            "status": "FAILED",
            "files": ["a.csv"],
            "applied": 5,
            "failed": 1,
            "version": 1,
        }
    ]
