"""What consumers of streams and queues answer, and what they tell of an import."""

ALL_DONE = {"batchItemFailures": []}
NOTHING = {"created": 0, "updated": 0, "unchanged": 0, "failed": 0, "cancelled": 0, "error": None}
ONE_OF_400_FAILED = {
    "total": 400,
    "created": 300,
    "updated": 50,
    "unchanged": 49,
    "failed": 1,
    "cancelled": 0,
    "error": None,
}
