"""From HTTP to the read models, whatever order the stream delivers in."""


def path_of(system, version):
    """The states that a version's execution entered."""
    named = f"-v{version}-a1"
    return system.path_of(
        next(each for each in system.executions() if each["name"].endswith(named))
    )


WORK = [
    "set_ttl_command",
    "history_copy",
    "transform_data",
    "sync_data_all",
    "sync_data",
    "sync_data",
    "finish",
    "success",
]


def test_three_versions_are_applied_one_after_the_other(system, airport):
    for name in ("Narita", "New Tokyo", "Narita International"):
        airport.publish(name)
        system.run()

    airport.assert_complete()
    assert path_of(system, 3) == ["check_version", "check_version_result", *WORK]
    assert system.api("GET", "/data/AIRPORT/NRT")[1]["name"] == "Narita International"


def test_versions_that_start_in_the_wrong_order_wait_for_one_another(system, airport):
    for name in ("one", "two", "three"):
        airport.publish(name)
    system.poll()
    system.stream.pending.reverse()

    system.run()

    airport.assert_complete()
    waiting = ["check_version", "check_version_result", "wait_prev_command", *WORK]
    assert [path_of(system, version) for version in (2, 3)] == [waiting, waiting]
