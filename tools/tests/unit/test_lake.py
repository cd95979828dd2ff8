"""A lake in a folder or a bucket: what an export adds, and what a rewrite leaves."""

import json
import sys

import boto3
import duckdb
import pytest
from moto import mock_aws

from sfn_cqrs_tools.client.lake import NOTE, Bucket, Folder, Lake, NoParquetError, Note

FIRST, SECOND = "2026-11-25T12:00:00Z", "2026-11-26T12:00:00Z"


def state(version=1, name="Ada", **changes):
    moment = f"2026-11-25T12:00:0{version}.000Z"
    return {
        "tenant": "tenant1",
        "type": "ORDER",
        "code": "o-1",
        "version": version,
        "name": name,
        "attributes": {"total": 5.5, "lines": [{"sku": "BÜCHER"}]},
        "isDeleted": False,
        "createdAt": moment,
        "createdBy": "",
        "updatedAt": moment,
        "updatedBy": "ada",
        "source": "",
        **changes,
    }


def files(root):
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name != NOTE)


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_each_export_adds_a_file_and_the_next_one_knows_from_when(tmp_path, format_):
    lake = Lake(Folder(tmp_path), format_)

    assert lake.note() == Note()
    assert lake.add([state(1)], lake.note(), FIRST, is_whole=False) == 1
    assert lake.note().next == FIRST
    lake.add([state(2), state(3)], lake.note(), SECOND, is_whole=False)
    lake.add([], lake.note(), SECOND, is_whole=False)

    found = files(tmp_path)
    assert [path.parent.name for path in found] == ["date=2026-11-25", "date=2026-11-26"]
    assert [str(path.relative_to(tmp_path)) for path in found] == lake.note().files


def test_parquet_has_typed_columns_and_attributes_as_json(tmp_path):
    lost = state(2, attributes=None, isDeleted=True)
    Lake(Folder(tmp_path), "parquet").add([state(1), lost], Note(), FIRST, is_whole=False)

    (file,) = files(tmp_path)
    rows = duckdb.sql(f"""
        SELECT version, attributes->>'$.lines[0].sku', (attributes->>'$.total')::double,
            isDeleted, year(updatedAt)
        FROM read_parquet('{file}') ORDER BY version
    """).fetchall()
    assert rows == [(1, "BÜCHER", 5.5, False, 2026), (2, None, None, True, 2026)]


def test_a_rewrite_leaves_only_what_the_stack_has_now(tmp_path):
    lake = Lake(Folder(tmp_path), "jsonl")
    lake.add([state(1, "Ada")], lake.note(), FIRST, is_whole=False)
    lake.add([state(2, "Ada")], lake.note(), SECOND, is_whole=False)

    lake.add([state(1, ""), state(2, "")], lake.note(), SECOND, is_whole=True)

    (file,) = files(tmp_path)
    assert [json.loads(line)["name"] for line in file.read_text().splitlines()] == ["", ""]
    assert lake.note().files == [str(file.relative_to(tmp_path))]


def test_a_file_whose_export_died_is_gone_after_a_rewrite(tmp_path):
    class Dying(Folder):
        def put(self, name, file):
            super().put(name, file)
            raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        Lake(Dying(tmp_path), "jsonl").add([state(1, "Ada")], Note(), FIRST, is_whole=False)
    lake = Lake(Folder(tmp_path), "jsonl")
    assert lake.note().next == ""
    lake.add([], lake.note(), FIRST, is_whole=True)

    assert [path.read_text() for path in files(tmp_path)] == [""]


def test_a_lake_in_a_bucket(tmp_path):
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        lake = Lake(Bucket(client, "s3://lake/sfn-cqrs/"), "parquet")
        assert lake.note() == Note()
        lake.add([state(1)], lake.note(), FIRST, is_whole=False)
        lake.add([state(2)], lake.note(), SECOND, is_whole=True)

        found = client.list_objects_v2(Bucket="lake")["Contents"]
        (file,) = lake.note().files
        assert {one["Key"] for one in found} == {"sfn-cqrs/export.json", f"sfn-cqrs/{file}"}
        client.download_file("lake", f"sfn-cqrs/{file}", str(tmp_path / "a.parquet"))

    rows = duckdb.sql(f"SELECT version FROM read_parquet('{tmp_path / 'a.parquet'}')").fetchall()
    assert rows == [(2,)]


def test_without_duckdb_parquet_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    lake = Lake(Folder(tmp_path), "parquet")

    with pytest.raises(NoParquetError, match=r"pip install 'sfn-cqrs-tools\[lake\]'"):
        lake.add(iter([state(1)]), lake.note(), FIRST, is_whole=False)

    assert list(tmp_path.iterdir()) == []
