import pytest

from lending.trip import SAGA
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.service.commands.service import Caller
from sfn_cqrs.service.sagas.service import SagaService


@pytest.mark.parametrize("given", [{}, {"id": ""}, {"id": 7}])
def test_what_no_step_can_work_on_is_refused(world, given):
    with pytest.raises(InvalidInputError, match="input.id: must be a text"):
        SagaService("tenant1").start(SAGA, given)

    assert world.all_of(SAGAS) == []


def test_a_saga_is_started_once_for_a_key(world):
    service = SagaService("tenant1")
    ids = [service.start(SAGA, {"id": "1"}, caller=Caller(idempotency_key="k")) for _ in range(2)]

    assert ids[0] == ids[1]
    assert len(world.all_of(SAGAS)) == 1
