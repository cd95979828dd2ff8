"""No partition gets hot: what an import writes is spread over many keys of each table."""

from collections import Counter

import pytest
from tests.support.import_system import ImportSystem, a_file, a_line
from tests.support.system import silent

LARGEST_SHARE = 1 / 8


@pytest.mark.parametrize("rows", [200, pytest.param(2_000, marks=pytest.mark.proof)])
def test_no_partition_of_a_large_table_holds_more_than_an_eighth_of_it(rows):
    codes = [f"{chr(65 + number // 1000)}{number % 1000:03d}" for number in range(rows)]
    with silent(), ImportSystem() as system:
        done = system.imported(a_file([a_line(code) for code in codes]))
        tables = {
            name: Counter(item["pk"]["S"] for item in system.items(name))
            for name in system.template.of_type("AWS::DynamoDB::Table")
        }

    assert done.job.status == "COMPLETED"
    large = {name: keys for name, keys in tables.items() if keys.total() >= rows / 2}
    assert len(large) == 3  # commands, data, read models
    for name, keys in large.items():
        assert max(keys.values()) <= LARGEST_SHARE * keys.total(), (name, keys.most_common(3))
