from sfn_cqrs.kernel.request import Request

NOON = 1795608000  # 2026-11-25T12:00:00Z
DAY = 24 * 3600


def a_request(tenant="tenant1", key="key", expires_at=NOON + DAY, **result):
    return Request(tenant, key, "hash", result, expires_at)


def test_an_answer_comes_back_as_it_was_kept(world):
    request = a_request(type="AIRPORT", code="成田", version=3, unchanged=True)

    assert world.requests.put(request) is True

    assert world.requests.find("tenant1", "key") == request


def test_a_key_in_use_is_not_taken_again(world):
    world.requests.put(a_request(version=1))

    assert world.requests.put(a_request(version=2)) is False

    assert world.requests.find("tenant1", "key") == a_request(version=1)


def test_an_answer_is_forgotten_when_it_expires_though_it_is_not_deleted_yet(world):
    world.requests.put(a_request(version=1))
    later = a_request(version=2, expires_at=NOON + 2 * DAY)

    world.clock.advance(seconds=DAY - 1)
    before = world.requests.find("tenant1", "key")
    world.clock.advance(seconds=1)
    after = world.requests.find("tenant1", "key")
    taken = world.requests.put(later)

    assert (before, after, taken) == (a_request(version=1), None, True)
    assert world.requests.find("tenant1", "key") == later


def test_keys_of_any_characters_and_length_stay_apart(world):
    keys = ["a", "A", "a ", "#", "key#1", "鍵", "🔑", "x" * 256]
    for version, key in enumerate(keys):
        world.requests.put(a_request(key=key, version=version))

    found = [world.requests.find("tenant1", key).result["version"] for key in keys]

    assert found == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_key_is_its_tenants_own(world):
    world.requests.put(a_request())

    assert world.requests.find("tenant2", "key") is None
