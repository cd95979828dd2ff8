"""The DynamoDB in memory answers as moto does, and where moto is too kind as DynamoDB does."""

import random

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords
from tests.contract.worlds import template

from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.dynamodb.expressions import condition
from sfn_cqrs_tools.testing.dynamodb.reserved_words import RESERVED
from sfn_cqrs_tools.testing.dynamodb.values import KIBIBYTE
from sfn_cqrs_tools.testing.fakes.stored import TABLES

TABLE = "CommandsTable"
KEY = marshal({"pk": "flight", "sk": "07"})
SEAT = {
    **KEY,
    **marshal({"taken": False, "row": 7, "open_shard": 1, "opened_at": "b", "note": "aisle"}),
    "tags": {"SS": ["aisle", "front"]},
    "person": {"M": {"name": {"S": "Ä \u2603"}, "bags": {"L": [{"N": "1.5"}, {"NULL": True}]}}},
}
ONE, TWO, TEXT = {":one": {"N": "1"}}, {":two": {"N": "2"}}, {":text": {"S": "x"}}
FREE = {"ConditionExpression": "attribute_not_exists(pk)"}
TOLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def seat(sk, **more):
    return {**SEAT, **marshal({"sk": sk, **more})}


def update(expression, *values, **more):
    given = {"ExpressionAttributeValues": {n: v for one in values for n, v in one.items()}}
    call = {"Key": KEY, "UpdateExpression": expression, "ReturnValues": "ALL_NEW", **more}
    return "update_item", {**call, **(given if values else {})}


def transaction(*parts):
    items = [{kind: {"TableName": TABLE, **part}} for kind, part in parts]
    return "transact_write_items", {"TransactItems": items}


def query(expression, **more):
    return "query", {"ConsistentRead": True, "KeyConditionExpression": expression, **more}


FLIGHT = {":pk": {"S": "flight"}}


def of_flight(sk):
    return {"ExpressionAttributeValues": FLIGHT | {":x": {"S": sk}}}


SHARD = {"IndexName": "open", "KeyConditionExpression": "open_shard = :one AND opened_at < :text"}
PLACES = {"ExpressionAttributeValues": FLIGHT}
CALLS = [
    ("put_item", {"Item": SEAT, "ReturnValues": "ALL_OLD"}),
    ("put_item", {"Item": seat("08", row=8, opened_at="a"), **FREE}),
    ("put_item", {"Item": SEAT, **FREE}),
    ("put_item", {"Item": SEAT, **FREE, **TOLD}),
    ("put_item", {"Item": seat("09", row=9, opened_at="c"), "ReturnValues": "ALL_OLD"}),
    ("put_item", {"Item": seat("10", open_shard=2)}),
    ("put_item", {"Item": seat("07", tenant_status="x"), "ReturnValues": "ALL_OLD"}),
    ("put_item", {"Item": {**KEY, "sk": {"N": "1"}}}),
    ("put_item", {"Item": {**KEY, "sk": {"S": ""}}}),
    ("put_item", {"Item": {"pk": {"S": "flight"}}}),
    ("get_item", {"Key": KEY}),
    ("get_item", {"Key": {**KEY, "sk": {"S": "8"}}}),
    ("get_item", {"Key": KEY, "ProjectionExpression": "note, nothing"}),
    ("get_item", {"Key": {"pk": {"S": "flight"}}}),
    update("SET note = :two REMOVE tags ADD seats :one", ONE, TWO),
    update("ADD seats :one", ONE),
    update("SET person.age = :two, #row = note", TWO, ExpressionAttributeNames={"#row": "row"}),
    update("REMOVE nothing, person.age ADD person.bonus :one", ONE),
    update("SET note = :two", TWO, Key={**KEY, "sk": {"S": "new"}}),
    update("SET note = :one", ONE, TWO, ConditionExpression="note = :two", **TOLD),
    update("SET note = :one", ONE, TEXT, ConditionExpression="note = :text", **TOLD),
    update("SET note = :one", ONE, TEXT, ConditionExpression="note = :text"),
    update("SET note = :one", ONE, ConditionExpression="note <> :one", ReturnValues="ALL_OLD"),
    update("SET nothing.inside = :one", ONE),
    update("ADD person :one", ONE),
    update("SET pk = :text", TEXT),
    update("SET note = :one, note = :two", ONE, TWO),
    update("SET person = :one, person.name = :two", ONE, TWO),
    update("SET status = :one", ONE),
    update("SET note = :nothing"),
    update("SET note :one", ONE),
    query("pk = :pk", **PLACES),
    query("pk = :pk", **PLACES, Limit=2),
    query("pk = :pk", **PLACES, ScanIndexForward=False, Limit=2),
    query("pk = :pk", **PLACES, Limit=2, ExclusiveStartKey=KEY),
    query(
        "pk = :pk", **PLACES, ScanIndexForward=False, ExclusiveStartKey={**KEY, "sk": {"S": "085"}}
    ),
    query("pk = :pk AND begins_with(sk, :x)", **of_flight("0")),
    query("pk = :pk AND sk > :x", **of_flight("08")),
    query("sk <= :x AND pk = :pk", **of_flight("08")),
    query("pk = :pk AND sk BETWEEN :x AND :x", **of_flight("08")),
    query(
        "pk = :pk",
        ExpressionAttributeValues=FLIGHT | ONE,
        FilterExpression="#r > :one",
        ExpressionAttributeNames={"#r": "row"},
        ProjectionExpression="sk, #r",
    ),
    query("pk = :pk", **PLACES, Select="COUNT"),
    query("sk = :pk", **PLACES),
    query("pk = :pk AND note = :pk", **PLACES),
    ("query", {**SHARD, "ExpressionAttributeValues": ONE | {":text": {"S": "c"}}}),
    ("query", {**SHARD, "ExpressionAttributeValues": ONE | {":text": {"S": "c"}}, "Limit": 1}),
    ("query", {**SHARD, "ExpressionAttributeValues": ONE | TEXT, "ConsistentRead": True}),
    (
        "scan",
        {
            "FilterExpression": "begins_with(sk, :x)",
            "ExpressionAttributeValues": {":x": {"S": "0"}},
        },
    ),
    transaction(
        ("Put", {"Item": seat("20"), **FREE}),
        ("Delete", {"Key": KEY}),
        ("Update", {"Key": {**KEY, "sk": {"S": "08"}}, "UpdateExpression": "REMOVE note"}),
    ),
    transaction(
        ("Put", {"Item": seat("21")}),
        ("Put", {"Item": seat("20"), **FREE, **TOLD}),
        ("ConditionCheck", {"Key": KEY, **FREE}),
    ),
    transaction(("Put", {"Item": seat("21")}), ("Delete", {"Key": {**KEY, "sk": {"S": "21"}}})),
    ("batch_get_item", {"RequestItems": {TABLE: {"Keys": [KEY, {**KEY, "sk": {"S": "08"}}]}}}),
    (
        "batch_write_item",
        {
            "RequestItems": {
                TABLE: [
                    {"PutRequest": {"Item": seat("30")}},
                    {"DeleteRequest": {"Key": {**KEY, "sk": {"S": "20"}}}},
                ]
            }
        },
    ),
    ("delete_item", {"Key": {**KEY, "sk": {"S": "30"}}, "ReturnValues": "ALL_OLD"}),
    ("delete_item", {"Key": KEY, "ConditionExpression": "attribute_exists(pk)"}),
    ("get_item", {"TableName": "nothing", "Key": KEY}),
]


TOLD_OF = (
    "Item",
    "Items",
    "Count",
    "LastEvaluatedKey",
    "Attributes",
    "Responses",
    "code",
    "reasons",
)


def answered(client, operation, parameters):
    """What a call answers, but for the words of a refusal."""
    if "TransactItems" not in parameters and "RequestItems" not in parameters:
        parameters = {"TableName": TABLE, **parameters}
    try:
        reads = {"ConsistentRead": True} if operation == "get_item" else {}
        answer = getattr(client, operation)(**parameters, **reads)
    except ClientError as error:
        answer = {"code": error.response["Error"]["Code"], "Item": error.response.get("Item")}
        reasons = error.response.get("CancellationReasons", [])
        answer["reasons"] = [(one.get("Code"), one.get("Item")) for one in reasons]
    found = {name: answer[name] for name in TOLD_OF if answer.get(name)}
    if "Attributes" in found:
        found["Attributes"] = {name: in_order(one) for name, one in found["Attributes"].items()}
    if operation == "scan":
        found["Items"].sort(key=str)
    return found


def in_order(value):
    return {"SS": sorted(value["SS"])} if "SS" in value else value


def test_each_call_answers_and_stores_what_motos_does(moto_world):
    small, moto = DynamoDB(TABLES), moto_world().dynamodb
    codes = set()
    for operation, parameters in CALLS:
        expected = answered(moto, operation, parameters)
        assert answered(small, operation, parameters) == expected, (operation, parameters)
        codes.add(expected.get("code"))

    assert codes == {
        None,
        "ConditionalCheckFailedException",
        "ResourceNotFoundException",
        "TransactionCanceledException",
        "ValidationException",
    }
    everything = ("scan", {"ConsistentRead": True})
    assert answered(small, *everything) == answered(moto, *everything)


VALUES = [
    {"S": "a"},
    {"S": "ab"},
    {"S": "\uffff"},
    {"S": "\U00010000"},
    {"N": "1"},
    {"N": "1.0"},
    {"N": "10"},
    {"N": "-2"},
    {"BOOL": True},
    {"NULL": True},
    {"L": [{"N": "1"}, {"S": "a"}]},
    {"M": {"x": {"S": "a"}}},
]
ATOMS = [
    "#a = :v",
    "a <> :v",
    "a < :v",
    "a <= :v",
    "#a > :v",
    "a >= :v",
    "a BETWEEN :v AND :w",
    "a IN (:v, :w)",
    "a = b",
    "attribute_exists(#a)",
    "attribute_not_exists(b)",
    "m.x = :v",
]
ORDERED = "SN"


def drawn(chance):
    """An expression of two or three parts, with brackets or without."""
    one, two, three = (chance.choice(ATOMS) for _ in range(3))
    return chance.choice(
        [
            one,
            f"{one} AND {two}",
            f"{one} OR {two} AND {three}",
            f"({one} OR {two}) AND {three}",
        ]
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_condition_holds_where_motos_does(seed):
    chance = random.Random(seed)
    held = 0
    for _ in range(1_500):
        kind = chance.choice(ORDERED)
        alike = [value for value in VALUES if kind in value]
        item = {"m": {"M": {"x": chance.choice(alike)}}}
        item |= {name: chance.choice(alike) for name in "ab" if chance.random() < 0.7}
        names, values = {"#a": "a"}, {":v": chance.choice(alike), ":w": chance.choice(alike)}
        text = drawn(chance)
        if item.keys() == {"m"}:
            continue  # to moto, two that are not there are equal

        expected = get_filter_expression(text, names, values).expr(as_moto_has_it(item))

        assert condition(text).holds(item, names, values) is bool(expected), (text, item, values)
        held += bool(expected)
    assert 300 < held < 1_200


def as_moto_has_it(item):
    return Item({"S": "pk"}, {"S": "sk"}, item)


@pytest.mark.parametrize("one", VALUES, ids=str)
def test_values_are_equal_where_motos_are(one):
    for other in VALUES:
        if {*one, *other} == {"BOOL", "N"}:
            continue  # to moto, 1 is true
        moto = get_filter_expression("a = :v", {}, {":v": other}).expr(as_moto_has_it({"a": one}))

        assert condition("a = :v").holds({"a": one}, {}, {":v": other}) is bool(moto), other


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("begins_with(s, :part)", True),
        ("begins_with(n, :part)", False),
        ("n < :part", False),
        ("n <> :part", True),
        ("nothing <> :part", True),
    ],
)
def test_functions_ask_what_an_attribute_is(text, holds):
    item = {"s": {"S": "abc"}, "n": {"N": "5"}}

    assert condition(text).holds(item, {}, {":part": {"S": "ab"}}) is holds


@pytest.mark.parametrize("text", ["size(a) > :one", "NOT a = :one", "a[0] = :one"])
def test_what_no_adapter_asks_is_not_answered(text):
    with pytest.raises(NotImplementedError, match="not among what"):
        condition(text)


def test_the_reserved_words_are_those_that_moto_knows():
    assert {*ReservedKeywords.get_reserved_keywords()} == RESERVED


def test_the_tables_are_those_of_the_template():
    resources = template().of_type("AWS::DynamoDB::Table")

    def keys(schema):
        return tuple(each["AttributeName"] for each in schema)

    assert TABLES.keys() == resources.keys()
    for name, table in resources.items():
        kinds = {
            one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]
        }
        found = {
            index["IndexName"]: (keys(index["KeySchema"]), index["Projection"]["ProjectionType"])
            for index in table.get("GlobalSecondaryIndexes", [])
        }
        mine = {
            each: ((index.hash[0], index.range[0]), "KEYS_ONLY")
            for each, index in TABLES[name].items()
        }
        assert (keys(table["KeySchema"]), found) == (("pk", "sk"), mine)
        for index in TABLES[name].values():
            assert [kinds[part[0]] for part in index] == [part[1] for part in index]


# What DynamoDB refuses, and moto does not.


@pytest.fixture
def client():
    return DynamoDB(TABLES)


@pytest.mark.parametrize(
    ("operation", "parameters", "said"),
    [
        ("put_item", {"Item": seat("1", text="x" * 400 * KIBIBYTE)}, "maximum allowed size"),
        ("put_item", {"Item": seat("x" * 1_025)}, "maximum size limit of 1024"),
        ("put_item", {"Item": seat("1", opened_at="")}, "Key: opened_at"),
        ("put_item", {"Item": seat("1", open_shard="1")}, "Type mismatch for key open_shard"),
        ("put_item", {"Item": seat("1") | {"tags": {"SS": []}}}, "may not be empty"),
        ("put_item", {"Item": seat("1") | {"n": {"N": "x"}}}, "numeric value"),
        ("put_item", {"Item": SEAT, **FREE, "ExpressionAttributeValues": ONE}, "unused in"),
        ("put_item", {"Item": SEAT, "ConditionExpression": "#a = #a"}, "not defined"),
        ("put_item", {"Item": SEAT, "ConditionExpression": "status = pk"}, "reserved keyword"),
        ("put_item", {"Item": SEAT, "ConditionExpression": "pk ="}, "<EOF>"),
        ("put_item", {"Item": SEAT, "ConditionExpression": "pk ! pk"}, 'token: "!"'),
        ("put_item", {"Item": SEAT, "ConditionExpression": " "}, "can not be empty"),
        ("put_item", {"Item": SEAT, "ConditionExpression": "attribute_exists(a, b)"}, "operands"),
        ("get_item", {"Key": {**KEY, "more": {"S": "x"}}}, "does not match the schema"),
        (*query("pk = :pk", ExpressionAttributeValues={":pk": {"S": ""}}), "Key: pk"),
        (*query("pk = :pk", **PLACES, Limit=0), "Limit"),
        (*query("pk = :pk", **PLACES, ExclusiveStartKey={"pk": {"S": "x"}}), "starting key"),
        (*query("pk <> :pk", **PLACES), "Invalid operator"),
        ("query", {"IndexName": "x", **PLACES, "KeyConditionExpression": "pk = :pk"}, "index: x"),
        ("batch_get_item", {"RequestItems": {TABLE: {"Keys": [KEY, KEY]}}}, "duplicates"),
        ("batch_get_item", {"RequestItems": {TABLE: {"Keys": [KEY] * 101}}}, "equal to 100"),
        (
            "batch_write_item",
            {"RequestItems": {TABLE: [{"PutRequest": {"Item": SEAT}}] * 2}},
            "duplicates",
        ),
        (*transaction(*[("Put", {"Item": seat(str(n))}) for n in range(101)]), "equal to 100"),
        (
            *transaction(*[("Put", {"Item": seat(str(n), x="x" * 390_000)}) for n in range(11)]),
            "4 MB",
        ),
    ],
)
def test_what_dynamodb_refuses_is_refused_in_its_words(client, operation, parameters, said):
    if "TransactItems" not in parameters and "RequestItems" not in parameters:
        parameters = {"TableName": TABLE, **parameters}
    with pytest.raises(ClientError, match=said) as refused:
        getattr(client, operation)(**parameters)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert client.items(TABLE) == []


def test_a_parameter_that_a_call_does_not_have_is_refused(client):
    with pytest.raises(ParamValidationError, match="Consistent"):
        client.get_item(TableName=TABLE, Key=KEY, Consistent=True)


def test_an_update_that_does_not_fit_cancels_its_transaction_by_name(client):
    client.put_item(TableName=TABLE, Item=seat("1", n="text"))
    key = {**KEY, "sk": {"S": "1"}}
    adds = {"Key": key, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": ONE}

    _, call = transaction(("Put", {"Item": SEAT}), ("Update", adds))
    with pytest.raises(ClientError, match=r"\[None, ValidationError\]"):
        client.transact_write_items(**call)


def test_a_page_ends_at_a_mebibyte_or_at_its_limit_whatever_comes_then(client):
    for number in range(6):
        client.put_item(TableName=TABLE, Item=seat(str(number), text="x" * 300_000))
    asked = {"TableName": TABLE, "KeyConditionExpression": "pk = :pk", **PLACES}

    pages = list(client.get_paginator("query").paginate(**asked))
    limited = list(client.get_paginator("query").paginate(**asked, Limit=3))

    assert [page["Count"] for page in pages] == [3, 3]
    assert [page["Count"] for page in limited] == [3, 3, 0]


def test_nobody_changes_what_is_stored_by_what_they_gave_or_were_given(client):
    given = seat("1")
    client.put_item(TableName=TABLE, Item=given)
    given["person"]["M"]["name"] = {"S": "other"}
    key = {"TableName": TABLE, "Key": {**KEY, "sk": {"S": "1"}}}
    found = client.get_item(**key)["Item"]
    found["person"]["M"].clear()

    assert client.get_item(**key)["Item"]["person"]["M"]["name"] == {"S": "Ä \u2603"}


def test_a_stream_tells_of_what_has_changed(client):
    client.put_item(TableName=TABLE, Item=SEAT)
    client.put_item(TableName=TABLE, Item=SEAT)
    client.update_item(TableName=TABLE, Key=KEY, UpdateExpression="REMOVE note")
    client.delete_item(TableName=TABLE, Key=KEY)
    client.delete_item(TableName=TABLE, Key=KEY)

    assert [(one.event, one.keys) for one in client.written] == [
        ("INSERT", KEY),
        ("MODIFY", KEY),
        ("REMOVE", KEY),
    ]
    images = [one.item for one in client.written]
    assert (images[0], images[2]) == (SEAT, None)
    assert images[1] == {name: value for name, value in SEAT.items() if name != "note"}


def test_segments_of_a_scan_have_every_item_once(client):
    for number in range(40):
        item = marshal({"pk": f"p{number}", "sk": "x"})
        client.put_item(TableName=TABLE, Item=item)

    found = []
    for segment in range(4):
        asked = {"TableName": TABLE, "Segment": segment, "TotalSegments": 4, "Limit": 3}
        for page in client.get_paginator("scan").paginate(**asked):
            found += [item["pk"]["S"] for item in page["Items"]]

    assert sorted(found) == sorted(f"p{number}" for number in range(40))
