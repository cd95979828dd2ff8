"""Rows that no handler is named after are told by `doctor`."""

from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs_tools.client.app_check import written_by
from sfn_cqrs_tools.client.unwritten import unwritten_read_models

ROWS = (
    "orders_by_customer#tenant1#ada",
    "parcels_by_depot#tenant1#Nagoya",
    "parcels_by_depot@2#tenant1#Osaka",
    "parcels_by_depot#tenant2#Nagoya",
    "#generations#tenant1",
)


class Stack:
    def __init__(self):
        self.environment = {"READ_MODELS_TABLE": "rows"}

    def client(self, _name):
        return self

    def get_paginator(self, _name):
        return self

    def paginate(self, **_asked):
        items = [marshal({"pk": pk}) for pk in ROWS]
        return [{"Items": items[:2]}, {"Items": items[2:]}]


def test_each_is_told_once_a_tenant_with_what_to_do():
    found = unwritten_read_models(Stack(), {"orders_by_customer"})

    assert [one.rpartition(": ")[0].partition(",")[0] for one in found] == [
        "parcels_by_depot has rows of tenant1",
        "parcels_by_depot has rows of tenant2",
    ]
    assert found[0].endswith("read-model drop parcels_by_depot --unwritten --tenant tenant1")


def test_what_a_task_writes_is_named_in_the_code(tmp_path, monkeypatch):
    (tmp_path / "office").mkdir()
    (tmp_path / "office/__init__.py").write_text("")
    code = (
        "def write(item):\n    read_model('letters').add()\n    sums('weights')\n    other('x')\n"
    )
    (tmp_path / "office/tasks.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert set(written_by("office")) == {"letters", "weights"}
