"""The simulation of AWS's quotas: its small end."""

import pytest
from tests.support.benchmarks import benchmark, rows_of

SECONDS = 20


@pytest.fixture
def scale(monkeypatch):
    return benchmark("scale", monkeypatch)


@pytest.fixture
def stages(scale):
    """A command in short: a row of its own, a bucket of its tenant's, and a partition of theirs."""
    own = scale.Call("PutItem", (("CommandsTable", "{code}", 2.0),), 2.0)
    bucketed = scale.Call("PutItem", (("DataTable", "TENANT#{tenant}#ORDER#{bucket}", 1.0),), 1.0)
    return [
        scale.Stage("API", (own,)),
        scale.Stage("stream", (scale.Call("StartExecution"),), is_stream=True),
        scale.Stage("check", (own,), is_state=True, transitions=4),
        scale.Stage("sync", (bucketed, bucketed), width=2, is_state=True, transitions=6),
        scale.Stage("stream", (scale.Call("Publish"),), is_stream=True),
    ]


@pytest.fixture
def small(scale):
    return scale.replace(scale.REGIONS["small"], **scale.RAISED)


def test_a_command_of_the_express_lane_is_paid_by_its_time_and_not_by_transitions(
    scale, stages, small
):
    express = [scale.replace(stage, transitions=0) for stage in stages]

    standard, run = (scale.run_commands(each, small, 1, 40, SECONDS) for each in (stages, express))

    assert run.region.used["state transition"] == 0
    assert run.region.used["EXPRESS execution"] == len(run.took)
    billed = run.region.used["EXPRESS GB-second"] / scale.EXPRESS_GB / len(run.took)
    assert billed == pytest.approx(0.1)  # steps of a tenth of a second, and it takes less
    assert "EXPRESS execution" not in standard.region.used
    assert standard.region.dollars(len(standard.ended)) > 10 * run.region.dollars(len(run.ended))


def test_what_one_tenant_sends_is_bounded_by_its_own_limit(scale, stages, small):
    setup = scale.replace(small, tenant_requests=10)

    run = scale.run_commands(stages, setup, 1, 40, SECONDS)

    assert run.done == pytest.approx(10, rel=0.1)
    assert run.region.binding(SECONDS) == "the limit of tenant 0"
    assert scale.run_commands(stages, setup, 10, 40, SECONDS).is_sustained


def test_growth_is_linear_until_the_quota(scale, stages, small):
    done = {
        rate: scale.run_commands(stages, small, 1, rate, SECONDS).done
        for rate in (10, 20, 40, 76, 160, 320)
    }

    assert [done[rate] / rate for rate in (10, 20, 40, 76)] == pytest.approx([1] * 4, rel=0.1)
    assert max(done[160], done[320]) <= 80 * 1.05


@pytest.mark.parametrize(
    ("quotas", "rate", "binds"),
    [
        ({}, 80, "state transitions"),
        ({"requests": 40}, 40, "the API's limit"),
        ({"starts": 30, "start_burst": 60}, 30, "StartExecution"),
        ({"table_writes": 120}, 30, "CommandsTable"),
        ({"messages": 50}, 50, "SNS's messages"),
    ],
)
def test_the_quota_that_binds_is_found_and_named(quotas, rate, binds, scale, stages, small):
    setup = scale.replace(small, **quotas)

    good, bad = scale.highest(lambda rate: scale.run_commands(stages, setup, 1, rate, SECONDS))

    assert good.rate == pytest.approx(rate, rel=0.1)
    assert bad.region.binding(bad.seconds) == binds


def test_one_partition_of_a_tenant_binds_where_many_tenants_have_many(scale, stages, small):
    setup = scale.replace(small, transitions=1e6, starts=1e6, start_burst=1e6, messages=1e6)
    hot = scale.Call("PutItem", (("DataTable", "TENANT#{tenant}", 20.0),), 20.0)
    heated = [*stages[:3], scale.Stage("sync", (hot,), is_state=True, transitions=6), stages[-1]]

    def run(tenants, rate):
        return scale.run_commands(heated, setup, tenants, rate, SECONDS)

    good, bad = scale.highest(lambda rate: run(1, rate))

    assert good.rate == pytest.approx(50, rel=0.1)
    assert bad.region.binding(SECONDS) == "a partition of DataTable: TENANT#0"
    assert run(10, 200).is_sustained


def test_an_import_is_as_wide_as_its_map_until_a_table_binds(scale, small):
    rows = scale.Call("TransactWriteItems", (("DataTable", "{code}", 200.0),), 200.0)

    one, ten = (scale.run_rows((rows,), small, tenants, 50) for tenants in (1, 10))
    bound = scale.run_rows((rows,), scale.replace(small, table_writes=4_000), 10, 50)

    assert one.done * scale.BATCH == pytest.approx(2_500, rel=0.05)
    assert ten.done * scale.BATCH == pytest.approx(20_000, rel=0.25)
    assert bound.done * scale.BATCH == pytest.approx(2_000, rel=0.05)
    assert bound.region.binding(bound.seconds) == "DataTable"


def test_what_binds_is_the_quota_and_not_those_who_wait_for_it(scale, stages, small):
    setup = scale.replace(small, table_writes=40)

    run = scale.run_commands(stages, setup, 1, 1_000, SECONDS)

    assert run.region.binding(SECONDS) == "CommandsTable"


@pytest.mark.stack
@pytest.mark.proof
@pytest.mark.real_time("all is counted once nothing has happened for a while")
@pytest.mark.parametrize("region", ["large", "small"])
def test_the_express_lane_sustains_what_the_readme_says_for_one_tenant(scale, region):
    value, unit, *_ = rows_of("scale")[f"express lane, {region} region, raised, tenants: 1"]
    rate = float(value.replace(",", ""))
    trace = scale.Trace([scale.TRACED, scale.CUSTOMER])
    with scale.a_stack(trace, parameters={"ExpressLane": "enabled"}) as stack:
        express = scale.trace_command(stack, trace, "express")

    raised = scale.replace(scale.REGIONS[region], **scale.RAISED)
    sustained = scale.run_commands(express, raised, 1, 0.95 * rate, SECONDS)
    too_much = scale.run_commands(express, raised, 1, 1.1 * rate, SECONDS)

    assert region == "small" or rate >= scale.LEAST
    assert sustained.is_sustained
    assert not too_much.is_sustained
    assert unit.endswith(f"binds: {too_much.region.binding(SECONDS)}")
    assert sustained.region.used["state transition"] == 0
    assert sustained.region.used["EXPRESS execution"] > rate * SECONDS / 2
