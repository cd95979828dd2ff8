"""A page of the local DynamoDB is read alone, however many items the partition or table has."""

import json
from pathlib import Path

import pytest
from tests.support.commands import ran

import sfn_cqrs_tools.runtime
from sfn_cqrs_tools.project import CHECKOUT

PYTHON = CHECKOUT / ".venv-fabric" / "bin" / "python"
PROGRAM = """
import json, random, sys
sys.path.insert(0, sys.argv[1])
from ministack.services import dynamodb
from fabric_queries import Queries

NAME, COUNT = "items", 1_000

def called(handler, given):
    status, _, body = handler({"TableName": NAME, **given})
    assert status == 200, body
    return json.loads(body)

def key(number):
    return {"pk": {"S": "p"}, "sk": {"S": f"{'ab'[number % 2]}#{number:06d}"}}

keys = [{"AttributeName": n, "KeyType": k} for n, k in (("pk", "HASH"), ("sk", "RANGE"))]
kinds = [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")]
called(dynamodb._create_table, {
    "KeySchema": keys, "AttributeDefinitions": kinds, "BillingMode": "PAY_PER_REQUEST"})
plain = dynamodb._query
Queries().teach()
for number in range(COUNT):
    called(dynamodb._put_item, {"Item": {**key(number), "n": {"N": str(number % 7)}}})

evaluated = 0
evaluate = dynamodb._evaluate_condition
def counting(*given, **more):
    global evaluated
    evaluated += 1
    return evaluate(*given, **more)
dynamodb._evaluate_condition = counting

chance = random.Random(1)
most = differences = 0
for round_ in range(45):
    if round_ % 3 == 0:
        called(dynamodb._put_item, {"Item": key(COUNT + round_)})
        called(dynamodb._delete_item, {"Key": key(chance.randrange(COUNT))})
    given = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "p"}},
             "ScanIndexForward": chance.random() < 0.5, "Limit": chance.choice((1, 7, 51))}
    if chance.random() < 0.7:
        given["KeyConditionExpression"] += " AND begins_with(sk, :prefix)"
        prefix = chance.choice(("a", "b#", "a#0001", "c"))
        given["ExpressionAttributeValues"][":prefix"] = {"S": prefix}
        if chance.random() < 0.3:
            given["ExclusiveStartKey"] = {**key(0), "sk": {"S": f"{prefix}#000777"}}
    elif chance.random() < 0.5:
        given["ExclusiveStartKey"] = key(chance.randrange(COUNT))
    if chance.random() < 0.3:
        given["FilterExpression"] = "n = :n"
        given["ExpressionAttributeValues"][":n"] = {"N": "3"}
    before = evaluated
    found = called(dynamodb._query, given)
    most = max(most, evaluated - before)
    differences += found != called(plain, given)
print(json.dumps({"most": most, "differences": differences}))
"""

SCANS = """
import json, random, sys
sys.path.insert(0, sys.argv[1])
from ministack.services import dynamodb
from fabric_queries import Queries

NAME, COUNT = "items", 1_000

def called(handler, given):
    status, _, body = handler({"TableName": NAME, **given})
    assert status == 200, body
    return json.loads(body)

def key(number):
    return {"pk": {"S": f"p-{number % 400}"}, "sk": {"S": f"s-{number:06d}"}}

keys = [{"AttributeName": n, "KeyType": k} for n, k in (("pk", "HASH"), ("sk", "RANGE"))]
kinds = [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")]
called(dynamodb._create_table, {
    "KeySchema": keys, "AttributeDefinitions": kinds, "BillingMode": "PAY_PER_REQUEST"})
plain = dynamodb._scan
Queries().teach()
for number in range(COUNT):
    text = {"S": "x" * (200_000 if number % 100 == 0 else 10)}
    called(dynamodb._put_item, {"Item": {**key(number), "n": {"N": str(number % 7)}, "t": text}})

sized = 0
paginated = dynamodb._paginate_evaluated_items
def counting(items, *more):
    global sized
    sized += len(items)
    return paginated(items, *more)
dynamodb._paginate_evaluated_items = counting

chance = random.Random(1)
most = differences = refused = 0
for round_ in range(60):
    if round_ % 3 == 0:
        called(dynamodb._put_item, {"Item": key(COUNT + round_)})
        called(dynamodb._put_item, {"Item": {**key(0), "pk": {"S": f"new-{round_}"}}})
        for number in range(round_, COUNT, 400):  # a whole partition
            called(dynamodb._delete_item, {"Key": key(number)})
    given = {"Limit": chance.choice((1, 7, 51, 2_000))}
    if chance.random() < 0.5:
        given |= {"TotalSegments": 5, "Segment": chance.randrange(5)}
    if chance.random() < 0.7:
        given["ExclusiveStartKey"] = key(chance.randrange(COUNT))
    if chance.random() < 0.3:
        given |= {"FilterExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": "3"}}}
    before = sized
    found = called(dynamodb._scan, given)
    if given["Limit"] < 2_000:
        most = max(most, sized - before)
    differences += found != called(plain, given)
for wrong in ({"Limit": 0}, {"Limit": 1, "Segment": 5, "TotalSegments": 5},
              {"Limit": 1, "Segment": 1}, {"Limit": 1, "IndexName": "none"},
              {"Limit": 1, "ExclusiveStartKey": {"pk": {"S": "p"}}}):
    asked = {"TableName": NAME, **wrong}
    answer = dynamodb._scan(dict(asked))
    refused += answer[0] == 400 and answer[2] == plain(dict(asked))[2]
print(json.dumps({"most": most, "differences": differences, "refused": refused}))
"""


@pytest.mark.stack
def test_a_page_of_a_scan_is_answered_as_before_and_reads_its_own_items_alone() -> None:
    folder = Path(sfn_cqrs_tools.runtime.__file__).parent

    compared = ran(PYTHON, "-c", SCANS, folder)

    assert compared.returncode == 0, compared.stderr
    found = json.loads(compared.stdout)
    assert found == {"most": 51, "differences": 0, "refused": 5}


@pytest.mark.stack
def test_a_page_is_answered_as_before_and_reads_its_own_items_alone() -> None:
    folder = Path(sfn_cqrs_tools.runtime.__file__).parent

    compared = ran(PYTHON, "-c", PROGRAM, folder)

    assert compared.returncode == 0, compared.stderr
    found = json.loads(compared.stdout)
    assert found["differences"] == 0
    assert found["most"] <= 2 * 52 + 1  # the condition and the filter of a page and one more
