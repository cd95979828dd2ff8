"""The reading of a Distributed Map.

Source, unless a case says otherwise: Step Functions Developer Guide, "ItemReader (Map)"
(input-output-itemreader.html). Cases marked AWS were recorded on AWS in localstack's
tests/aws/services/stepfunctions/v2/scenarios/test_base_scenarios.snapshot.json.
"""

import gzip
import json
from typing import Any

import pytest
from engine.tests.maps import LIST_OBJECTS, MapLab, distributed, reader
from engine.tests.s3 import BUCKET

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
SHOWN = {
    "index.$": "$$.Map.Item.Index",
    "value.$": "$$.Map.Item.Value",
    "source.$": "$$.Map.Item.Source",
}


@pytest.fixture
def maps() -> MapLab:
    return MapLab()


# The quirks of AWS's reader of texts with delimiters: the content, and the items it becomes.
CSV_QUIRKS: dict[str, tuple[str, list[Any]]] = {
    "every field is a string (AWS)": (
        "a,b,c\ntrue,1,Null\n,,\n   ,,\n",
        [
            {"a": "true", "b": "1", "c": "Null"},
            {"a": "", "b": "", "c": ""},
            {"a": "   ", "b": "", "c": ""},
        ],
    ),
    "headers are strings too (AWS)": ("0,True,{}\n1,2,3\n", [{"0": "1", "True": "2", "{}": "3"}]),
    "a header may be empty (AWS)": ("H1,\nx,y\n", [{"H1": "x", "": "y"}]),
    "a short row is padded with empty strings": ("a,b,c\n1\n", [{"a": "1", "b": "", "c": ""}]),
    "a long row loses the rest (AWS)": ("a\n1,2,3\n4\n", [{"a": "1"}, {"a": "4"}]),
    "quotes enclose delimiters": ('a,b\n"1,2",3\n', [{"a": "1,2", "b": "3"}]),
    "quotes enclose newlines": ('a,b\n"1\n2",3\n', [{"a": "1\n2", "b": "3"}]),
    "a doubled quote is a quote": ('a\n"x ""y"" z"\n', [{"a": 'x "y" z'}]),
    "a doubled backslash is a backslash": (
        "path,size\nC:\\\\Program Files\\\\MyApp.exe,6534512\n",
        [{"path": "C:\\Program Files\\MyApp.exe", "size": "6534512"}],
    ),
    "a backslash escapes the delimiter": ("a,b\n1\\,2,3\n", [{"a": "1,2", "b": "3"}]),
    "a pair of backslashes escapes a pair of quotes": (
        'a\n"x \\"y\\" z"\n',
        [{"a": 'x "y" z'}],
    ),
    "any other backslash is dropped": ("a\nx\\y\n", [{"a": "xy"}]),
    "an escaped quote does not end a field": (
        'id,n\n1,"a\\"\n2,c"\n',
        [{"id": "1", "n": 'a"\n2,c'}],
    ),
    "blank lines are not rows": ("a,b\n\n1,2\n\n", [{"a": "1", "b": "2"}]),
    "lines may end with CR LF": ("a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}]),
    "lines may end with CR": ("a,b\r1,2\r", [{"a": "1", "b": "2"}]),
    "the last line needs no end": ("a,b\n1,2", [{"a": "1", "b": "2"}]),
    "an unterminated quote takes the rest": ('a,b\n1,"2\n3,4\n', [{"a": "1", "b": "2\n3,4\n"}]),
    "NUL is a character": ("a\nx\x00y\n", [{"a": "x\x00y"}]),
    "a byte order mark stays in the header": ("\ufeffa\n1\n", [{"\ufeffa": "1"}]),
}


@pytest.mark.parametrize(("content", "items"), CSV_QUIRKS.values(), ids=CSV_QUIRKS)
def test_csv_is_read_with_awss_quirks(maps: MapLab, content: str, items: list[Any]) -> None:
    assert maps.read(content, **FIRST_ROW) == items


@pytest.mark.parametrize(
    ("name", "character"),
    [("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("SPACE", " "), ("TAB", "\t")],
)
def test_the_delimiter_is_one_of_five(maps: MapLab, name: str, character: str) -> None:
    content = f"a{character}b\n1{character}2\n"

    assert maps.read(content, **FIRST_ROW, CSVDelimiter=name) == [{"a": "1", "b": "2"}]


def test_headers_may_be_given(maps: MapLab) -> None:
    config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["userId", "rating"]}

    assert maps.read("1,3.5\n2,4\n", **config) == [
        {"userId": "1", "rating": "3.5"},
        {"userId": "2", "rating": "4"},
    ]


def test_given_headers_take_as_many_columns_as_there_are(maps: MapLab) -> None:
    config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["H1"]}

    assert maps.read("Value1,Value2\nValue4,Value5\n", **config) == [
        {"H1": "Value1"},
        {"H1": "Value4"},
    ]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("id,id\n1,2\n", "CSV headers cannot contain duplicates."),
        ("id,n\n", "The CSV file contains only CSV headers and no items to process."),
        ("", "The CSV file is empty; its first row should have the headers."),
        (f"{'x' * 10_241}\n1\n", "CSV headers cannot exceed 10 KiB."),
    ],
)
def test_csv_without_usable_headers_fails_the_map(maps: MapLab, content: str, cause: str) -> None:
    maps.read(content, **FIRST_ROW)

    assert maps.failure == ("States.ItemReaderFailed", cause)


def test_a_reader_that_fails_leaves_awss_events(maps: MapLab) -> None:
    """As AWS recorded it for duplicate headers."""
    maps.read("id,id\n1,2\n", **FIRST_ROW)

    assert maps.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapRunStarted"),
        (5, 4, "MapRunFailed"),
        (6, 5, "MapStateFailed"),
        (7, 6, "ExecutionFailed"),
    ]
    assert maps.engine.history(maps.arn)[4]["mapRunFailedEventDetails"] == {
        "error": "States.ItemReaderFailed",
        "cause": "CSV headers cannot contain duplicates.",
    }
    assert maps.map_run["status"] == "FAILED"


def test_bytes_that_are_no_utf_8_are_replaced(maps: MapLab) -> None:
    assert maps.read("a\n山\n".encode("cp932"), **FIRST_ROW) == [{"a": "�R"}]


def test_a_cell_may_be_larger_than_pythons_own_limit(maps: MapLab) -> None:
    content = f"a,b\n1,{'x' * 200_000}\n"
    maps.s3.objects["file"] = content.encode()

    maps.run(ItemReader=reader(**FIRST_ROW), ItemSelector={"a.$": "$$.Map.Item.Value.a"})

    assert json.loads(maps.execution["output"]) == [{"a": "1"}]


@pytest.mark.parametrize("ending", ["gz", "gzip"])
def test_a_packed_file_is_known_by_its_name(maps: MapLab, ending: str) -> None:
    packed = gzip.compress(b"a\n1\n")

    assert maps.read(packed, key=f"file.csv.{ending}", **FIRST_ROW) == [{"a": "1"}]


def test_a_broken_packed_file_fails_the_map(maps: MapLab) -> None:
    maps.read(b"no gzip", key="file.csv.gz", **FIRST_ROW)

    assert maps.failure[0] == "States.ItemReaderFailed"


@pytest.mark.parametrize(
    ("most", "read"), [(0, 4), (2, 2), (100_000_000, 4), (100_000_001, 4), ("2", 2)]
)
def test_max_items_path_ends_the_reading(maps: MapLab, most: Any, read: int) -> None:
    """AWS; zero means all, and a text may stand for a number."""
    maps.s3.objects["file"] = b"a\n1\n2\n3\n4\n"

    output = maps.run({"most": most}, ItemReader=reader(**FIRST_ROW, MaxItemsPath="$.most"))

    assert len(output) == read


def test_max_items_ends_the_reading(maps: MapLab) -> None:
    assert maps.read("a\n1\n2\n3\n", **FIRST_ROW, MaxItems=2) == [{"a": "1"}, {"a": "2"}]


def test_a_negative_max_items_fails_the_reader(maps: MapLab) -> None:
    """AWS."""
    maps.s3.objects["file"] = b"a\n1\n"
    maps.run({"most": -1}, ItemReader=reader(**FIRST_ROW, MaxItemsPath="$.most"))

    assert maps.failure == ("States.ItemReaderFailed", "field MaxItems must be positive")


def test_max_items_that_is_no_integer_is_a_runtime_error(maps: MapLab) -> None:
    """AWS; there is no Map Run then."""
    maps.run({"MaxItems": 1.5}, ItemReader=reader(**FIRST_ROW, MaxItemsPath="$.MaxItems"))

    cause = (
        "An error occurred while executing the state 'it' (entered at the event id #2). "
        'The MaxItemsPath field refers to value "1.5" which is not a valid integer: $.MaxItems'
    )
    assert maps.failure == ("States.Runtime", cause)
    assert maps.chain[2:] == [(3, 2, "MapStateStarted"), (4, 3, "ExecutionFailed")]


def test_a_json_array_gives_its_elements(maps: MapLab) -> None:
    content = ' [ {"verdict": true}, 1, "x", null, [2], 1e2 ,-3]\n'

    assert maps.read(content, InputType="JSON") == [{"verdict": True}, 1, "x", None, [2], 100.0, -3]


def test_quotes_are_doubled_in_a_field_without_quotes_too(maps: MapLab) -> None:
    """The row of the guide's page "Parsing an input CSV file"."""
    row = (
        'abc,123,"This string contains commas, a double quotation marks (""), and a newline (\n)",'
        '{""MyKey"":""MyValue""},"[1,2,3]"\n'
    )
    headers = ["letters", "numbers", "string", "object", "array"]

    assert maps.read(row, InputType="CSV", CSVHeaderLocation="GIVEN", CSVHeaders=headers) == [
        {
            "letters": "abc",
            "numbers": "123",
            "string": 'This string contains commas, a double quotation marks ("), and a newline '
            "(\n)",
            "object": '{"MyKey":"MyValue"}',
            "array": "[1,2,3]",
        }
    ]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ('"a""""b",""', ['a""b', ""]),
        ('"""a""",b""c', ['"a"', 'b"c']),
        ('5" pipe,"x\n""y"",\nz"', ['5" pipe', 'x\n"y",\nz']),
        ('"open\nlonger ""\n",{""k"":1}', ['open\nlonger "\n', '{"k":1}']),
        ('a\\""b,c', ['a""b', "c"]),
    ],
)
def test_quotes_within_cells(maps: MapLab, text: str, cells: list[str]) -> None:
    found = maps.read(text, InputType="CSV", CSVHeaderLocation="GIVEN", CSVHeaders=["a", "b"])

    assert found == [dict(zip(("a", "b"), cells, strict=True))]


def test_an_empty_json_array_gives_no_item(maps: MapLab) -> None:
    assert maps.read("[ ]", InputType="JSON") == []


def test_a_json_array_longer_than_a_window_is_read_whole(maps: MapLab) -> None:
    elements = [{"n": number, "text": "é" * 500} for number in range(3000)]
    maps.s3.objects["file"] = json.dumps(elements).encode()
    maps.run(ItemReader=reader(InputType="JSON"), ItemSelector={"n.$": "$$.Map.Item.Value.n"})

    assert json.loads(maps.execution["output"]) == [{"n": number} for number in range(3000)]


def test_a_json_object_gives_its_values_and_keys(maps: MapLab) -> None:
    maps.s3.objects["file"] = b'{"a": 1, "b": {"c": 2}}'
    selector = {"key.$": "$$.Map.Item.Key", "value.$": "$$.Map.Item.Value"}

    assert maps.run(ItemReader=reader(InputType="JSON"), ItemSelector=selector) == [
        {"key": "a", "value": 1},
        {"key": "b", "value": {"c": 2}},
    ]


def test_without_a_selector_an_entry_of_an_object_is_its_key_and_value(maps: MapLab) -> None:
    """Observed on AWS in floci-io/floci 1588."""
    content = '{"a": 1, "b": {"c": 2}}'

    assert maps.read(content, InputType="JSON") == [
        {"Key": "a", "Value": 1},
        {"Key": "b", "Value": {"c": 2}},
    ]


def test_an_items_pointer_selects_a_nested_array(maps: MapLab) -> None:
    content = '{"inventory": {"a/b": [{"id": 1}, {"id": 2}]}}'

    assert maps.read(content, InputType="JSON", ItemsPointer="/inventory/a~1b") == [
        {"id": 1},
        {"id": 2},
    ]


@pytest.mark.parametrize(
    ("content", "pointer", "cause"),
    [
        ("1", None, "Attempting to map over non-iterable node."),
        ('{"a": 1}', "/a", "Attempting to map over non-iterable node."),
        ('{"a": 1}', "/b", "The ItemsPointer '/b' leads to nothing in the file."),
        ("[1 2]", None, "The file is not JSON: an array is not well formed."),
        ("[1, 2", None, "The file is not JSON: an array is not well formed."),
        ("[1, NaN]", None, "The file is not JSON: NaN is not a JSON value"),
        ("{", None, "The file is not JSON: Expecting property name enclosed in double quotes"),
        ("", None, "The file is not JSON: Expecting value"),
    ],
)
def test_json_that_cannot_be_iterated_fails_the_map(
    maps: MapLab, content: str, pointer: str | None, cause: str
) -> None:
    """The first text is AWS's."""
    maps.read(content, InputType="JSON", **({"ItemsPointer": pointer} if pointer else {}))

    assert maps.failure[0] == "States.ItemReaderFailed"
    assert str(maps.failure[1]).startswith(cause)


def test_items_path_is_ignored_where_there_is_a_reader(maps: MapLab) -> None:
    """AWS."""
    maps.s3.objects["file"] = b'[["from-bucket-item-0"]]'

    output = maps.run(
        {"previous": ["from-previous"]},
        ItemReader=reader(InputType="JSON"),
        ItemsPath="$.previous",
    )

    assert output == [["from-bucket-item-0"]]


def test_json_lines_give_one_item_a_line(maps: MapLab) -> None:
    assert maps.read('{"id": "x"}\n\n[1]\r\n"y"', InputType="JSONL") == [{"id": "x"}, [1], "y"]


def test_a_broken_line_fails_the_map_and_names_the_line(maps: MapLab) -> None:
    maps.read('{"id": 1}\nno json\n', InputType="JSONL")

    assert maps.failure == (
        "States.ItemReaderFailed",
        "Line 2 is not JSON: Expecting value: line 1 column 1 (char 0)",
    )


def test_a_listing_gives_the_metadata_of_each_object(maps: MapLab) -> None:
    maps.s3.objects = {"data/1": b"x", "data/2": b"xy", "data/3": b"", "other": b""}
    listing = {"Resource": LIST_OBJECTS, "Parameters": {"Bucket": BUCKET, "Prefix": "data/"}}

    output = maps.run(ItemReader=listing, ItemSelector=SHOWN)

    assert [item["value"]["Key"] for item in output] == ["data/1", "data/2", "data/3"]
    assert output[1] == {
        "index": 1,
        "source": f"s3://{BUCKET}",
        "value": {
            "Etag": '"etag"',
            "Key": "data/2",
            "LastModified": 1668699881,
            "Size": 2,
            "StorageClass": "STANDARD",
        },
    }


def test_load_and_flatten_gives_the_items_in_the_objects(maps: MapLab) -> None:
    maps.s3.objects = {"data/1": b'[{"id": 1}, {"id": 2}]', "data/2": b'[{"id": 3}]'}
    listing = {
        "Resource": LIST_OBJECTS,
        "ReaderConfig": {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"},
        "Parameters": {"Bucket": BUCKET, "Prefix": "data/"},
    }

    assert maps.run(ItemReader=listing, ItemSelector=SHOWN) == [
        {"index": 0, "value": {"id": 1}, "source": f"s3://{BUCKET}/data/1"},
        {"index": 1, "value": {"id": 2}, "source": f"s3://{BUCKET}/data/1"},
        {"index": 2, "value": {"id": 3}, "source": f"s3://{BUCKET}/data/2"},
    ]


@pytest.mark.parametrize("config", [{"InputType": "MANIFEST"}, {"ManifestType": "S3_INVENTORY"}])
def test_an_inventory_gives_the_rows_of_its_files(maps: MapLab, config: dict[str, str]) -> None:
    manifest = {
        "sourceBucket": "source",
        "destinationBucket": f"arn:aws:s3:::{BUCKET}",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, LastModifiedDate",
        "files": [{"key": "part.csv.gz", "size": 1, "MD5checksum": "x"}],
    }
    rows = b'"source","csvDataset/titles.csv","3399671","2022-11-16T00:29:32.000Z"\n'
    maps.s3.objects["part.csv.gz"] = gzip.compress(rows)

    assert maps.read(json.dumps(manifest), **config) == [
        {
            "Bucket": "source",
            "Key": "csvDataset/titles.csv",
            "Size": "3399671",
            "LastModifiedDate": "2022-11-16T00:29:32.000Z",
        }
    ]


def test_an_athena_manifest_gives_the_items_of_its_files(maps: MapLab) -> None:
    maps.s3.objects |= {"one": b'{"id": 1}\n', "two": b'{"id": 2}\n{"id": 3}\n'}
    maps.s3.objects["file"] = f"s3://{BUCKET}/one\ns3://{BUCKET}/two\n".encode()

    output = maps.run(
        ItemReader=reader(InputType="JSONL", ManifestType="ATHENA_DATA"), ItemSelector=SHOWN
    )

    assert [(item["value"]["id"], item["source"]) for item in output] == [
        (1, f"s3://{BUCKET}/one"),
        (2, f"s3://{BUCKET}/two"),
        (3, f"s3://{BUCKET}/two"),
    ]


def test_parquet_needs_pyarrow_or_is_read(maps: MapLab) -> None:
    try:
        import pyarrow  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        maps.read(b"PAR1", InputType="PARQUET")
        assert maps.failure == (
            "States.ItemReaderFailed",
            "install 'sfn-local[parquet]' to read Parquet files",
        )
        return
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "n": ["a", None]}), sink)
    content = sink.getvalue().to_pybytes()

    assert maps.read(content, InputType="PARQUET") == [{"id": 1, "n": "a"}, {"id": 2, "n": None}]


def test_a_version_is_read_as_named(maps: MapLab) -> None:
    maps.s3.objects["file"] = b"a\n1\n"

    maps.run(
        {"version": "BcK42"},
        ItemReader={
            **reader(**FIRST_ROW),
            "Parameters": {"Bucket": BUCKET, "Key": "file", "VersionId.$": "$.version"},
        },
    )

    assert maps.s3.calls == [{"Bucket": BUCKET, "Key": "file", "VersionId": "BcK42"}]


def test_a_missing_object_fails_the_map_and_can_be_caught(maps: MapLab) -> None:
    """Error name: Developer Guide, "Handling errors in Step Functions workflows"."""
    states = {
        "it": {
            **distributed(ItemReader=reader("nowhere", **FIRST_ROW)),
            "Catch": [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "caught"}],
            "End": True,
        },
        "caught": {"Type": "Pass", "End": True},
    }
    maps.start_machine({"StartAt": "it", "States": states})

    assert json.loads(maps.execution["output"]) == {
        "Error": "States.ItemReaderFailed",
        "Cause": "The specified key does not exist. (Service: Amazon S3; Status Code: 404; "
        "Error Code: NoSuchKey; Request ID: REQUEST)",
    }


def test_a_path_that_leads_nowhere_is_a_runtime_error(maps: MapLab) -> None:
    item_reader = {**reader(**FIRST_ROW), "Parameters": {"Bucket.$": "$.b", "Key": "k"}}
    maps.run({}, ItemReader=item_reader)

    assert maps.failure[0] == "States.Runtime"


@pytest.mark.parametrize(
    ("item_reader", "message"),
    [
        ({"Resource": "arn:aws:states:::s3:putObject"}, "Resource"),
        (reader(), "InputType is missing"),
        (reader(InputType="XML"), "InputType"),
        (reader(InputType="CSV"), "'CSVHeaderLocation' is required"),
        (reader(InputType="CSV", CSVHeaderLocation="GIVEN"), "are required: .CSVHeaders."),
        (reader(**FIRST_ROW, CSVDelimiter="COLON"), "CSVDelimiter"),
        (reader(**FIRST_ROW, MaxItems=1, MaxItemsPath="$.a"), "MaxItems"),
        (reader(**FIRST_ROW, MaxItems="two"), "MaxItems"),
        (reader(**FIRST_ROW, ManifestType="S3_INVENTORY"), "InputType must be left out"),
        (reader(ManifestType="OTHER"), "'ManifestType' should have one of these values"),
        ({**reader(**FIRST_ROW), "Parameters": None}, "Parameters"),
        ("s3://bucket/file", "ItemReader"),
    ],
)
def test_a_reader_that_is_not_well_formed_is_refused(
    maps: MapLab, item_reader: Any, message: str
) -> None:
    with pytest.raises(Exception, match=message) as caught:
        maps.start(ItemReader=item_reader)

    assert type(caught.value).__name__ == "InvalidDefinition"
