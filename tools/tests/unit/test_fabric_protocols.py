import botocore.session
import pytest

from sfn_cqrs_tools.runtime.fabric_protocols import PROTOCOLS, knowing


@pytest.mark.parametrize("service", PROTOCOLS)
def test_a_service_speaks_what_botocore_says(service):
    said = botocore.session.get_session().get_service_model(service).metadata
    assert PROTOCOLS[service].items() <= said.items()
    assert ("jsonVersion" in PROTOCOLS[service]) == ("jsonVersion" in said)


def test_of_another_service_botocore_is_asked():
    asked = knowing(lambda service: f"asked about {service}")
    assert asked("sqs").metadata["protocol"] == "json"
    assert asked("kms") == "asked about kms"
