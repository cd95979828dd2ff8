"""The simulation of AWS's quotas: its small end."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
SECONDS = 20


@pytest.fixture
def scale(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location("bench_scale", BENCH / "scale.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def stages(scale):
    """A command in short: a row of its own, a bucket of its tenant's, and a partition of theirs."""
    own = scale.Call("PutItem", (("CommandsTable", "{code}", 2.0),), 2.0)
    bucketed = scale.Call("PutItem", (("DataTable", "TENANT#{tenant}#ORDER#{bucket}", 1.0),), 1.0)
    return [
        scale.Stage("API", (own,)),
        scale.Stage("stream", (scale.Call("StartExecution"),), is_stream=True),
        scale.Stage("check", (own,), transitions=4),
        scale.Stage("sync", (bucketed, bucketed), width=2, transitions=6),
        scale.Stage("stream", (scale.Call("Publish"),), is_stream=True),
    ]


@pytest.fixture
def small(scale):
    return scale.replace(scale.REGIONS["small"], **scale.RAISED)


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
    ],
)
def test_the_quota_that_binds_is_found_and_named(quotas, rate, binds, scale, stages, small):
    setup = scale.replace(small, **quotas)

    good, bad = scale.highest(lambda rate: scale.run_commands(stages, setup, 1, rate, SECONDS))

    assert good.rate == pytest.approx(rate, rel=0.1)
    assert bad.region.binding(bad.seconds) == binds


def test_one_partition_of_a_tenant_binds_where_many_tenants_have_many(scale, stages, small):
    setup = scale.replace(small, transitions=1e6, starts=1e6, start_burst=1e6)
    hot = scale.Call("PutItem", (("DataTable", "TENANT#{tenant}", 20.0),), 20.0)
    heated = [*stages[:3], scale.Stage("sync", (hot,), transitions=6), stages[-1]]

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
