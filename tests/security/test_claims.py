"""Who somebody is comes from verified claims alone, which are read exactly or not at all."""

import re

import boto3
import pytest
from botocore.stub import Stubber
from tests.support.api import OPERATOR, Api, Person

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError, UnauthorizedError
from sfn_cqrs.kernel.http.http import identity_of
from sfn_cqrs.kernel.keys import ErasureKey
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.tenant_claims import writable_tenants
from sfn_cqrs_tools.runtime.identity import ISSUER

POOL = "eu-west-1_AbCdEf"

ELSEWHERE = "https://login.example.com/oauth2"
CHINA = "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbCdEf"
BEHIND_ANOTHER = "https://evil.example/https://cognito-idp.us-east-1.amazonaws.com/us-east-1_A"
LIKE_COGNITO = "https://cognito-idp.us-east-1.amazonaws.com.evil.example/us-east-1_AbCdEf"


def identity(claims, headers=None, path="/commands", **authorizer):
    context = {"authorizer": {"jwt": {"claims": claims}} if claims else authorizer}
    return identity_of({"requestContext": context, "headers": headers or {}, "rawPath": path})


def groups(claim, issuer=ISSUER):
    claims = {"custom:tenant": "tenant1", "iss": issuer, "cognito:groups": claim}
    return sorted(identity(claims).groups)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (None, []),
        ("", []),
        ("[]", []),
        ([], []),
        ("[operator]", ["operator"]),
        ("[operator shift]", ["operator", "shift"]),
        ("[a,operator]", ["a,operator"]),
        ("[operator\tshift]", ["operator\tshift"]),
        (["shift operator"], ["shift operator"]),
        ("operator", ["operator"]),
        ("shift operator", ["shift operator"]),
        ("operator,shift", ["operator,shift"]),
        (" operator", [" operator"]),
    ],
)
def test_groups_are_those_that_the_issuer_wrote(claim, expected):
    assert groups(claim) == expected


@pytest.mark.parametrize(
    "claim",
    [
        "[[operator]]",
        "[operator",
        "operator]",
        "[[operator]",
        "[shift] operator]",
        "[ operator]",
        "[operator ]",
        "[shift  operator]",
        "[ ]",
        "[shift] [operator]",
    ],
)
def test_a_claim_that_could_be_read_in_two_ways_is_refused(claim):
    with pytest.raises(UnauthorizedError, match="cannot be read exactly"):
        groups(claim)


@pytest.mark.parametrize("issuer", [ELSEWHERE, LIKE_COGNITO, BEHIND_ANOTHER, None, ""])
def test_only_cognitos_names_have_no_blanks_so_only_its_lists_are_split(issuer):
    assert groups("[operator]", issuer) == ["operator"]
    assert groups("[operator shift]", CHINA) == ["operator", "shift"]
    with pytest.raises(UnauthorizedError):
        groups("[shift operator]", issuer)


@pytest.mark.parametrize("claim", ["shift operator", "operators", "[not-operator]", "Operator"])
@pytest.mark.parametrize("verb", ["retry", "skip"])
def test_a_shift_operator_is_no_operator(claim, verb):
    with Api() as api:
        claims = Person("mallory").claims | {"cognito:groups": claim}

        answer = api.send(None, "POST", f"/commands/OFFER/o-1/1/{verb}", claims=claims)

        assert (answer.status, answer.code) == (403, "forbidden")


def test_a_claim_that_cannot_be_read_is_a_401_that_says_so():
    with Api() as api:
        claims = Person("mallory").claims | {"cognito:groups": "[[operator]]"}

        answer = api.send(None, "GET", "/openapi.json", claims=claims)

        assert (answer.status, answer.code) == (401, "unauthorized")
        assert answer.body["detail"].startswith("the claim cognito:groups cannot be read exactly")


def test_the_tenant_of_a_token_is_its_claim_whatever_the_headers_say():
    claims = Person("mallory").claims
    headers = {"x-tenant-code": "tenant2", "X-Tenant-Code": "tenant3", "custom:tenant": "tenant4"}

    assert identity(claims, headers).tenant == "tenant1"
    with pytest.raises(UnauthorizedError, match="no claim custom:tenant"):
        identity({**claims, "custom:tenant": ""}, headers)


@pytest.mark.parametrize(
    "tenant", ["a#b", "..", "tenant1#REQUEST", "a/b", " tenant1", "x" * 65, "x" * 3_000, "\0"]
)
def test_a_tenant_that_no_key_can_hold_is_nobodys(tenant, role):
    role()
    machine = {"userArn": "arn:aws:sts::000000000000:assumed-role/feed/1"}

    with pytest.raises(InvalidInputError, match="tenant: must be 1 to 64"):
        identity({**Person("mallory").claims, "custom:tenant": tenant})
    with pytest.raises(InvalidInputError, match="tenant: must be 1 to 64"):
        identity(None, {"x-tenant-code": tenant}, iam=machine)
    with Api() as api:
        claims = {**Person("mallory").claims, "custom:tenant": tenant}
        for method, path in (("GET", "/orders/search"), ("POST", "/commands"), ("POST", "/tasks")):
            assert api.send(None, method, path, claims=claims).status == 400


@pytest.mark.parametrize("issuer", [ELSEWHERE, LIKE_COGNITO, BEHIND_ANOTHER, None])
def test_only_cognitos_names_are_not_chosen_so_of_others_the_subject_is_the_user(issuer):
    chosen = {"cognito:username": "boss", "username": "boss", "sub": "4711"}
    claims = {**Person("mallory").claims, **chosen}

    assert identity({**claims, "iss": issuer}).user == "4711"
    assert identity({**claims, "iss": CHINA}).user == "boss"


@pytest.fixture
def role(monkeypatch):
    """Name the role of the stack's operators, as the template does."""

    def name(role=""):
        monkeypatch.setenv("MACHINES", "arn:aws:states:us-east-1:000000000000:stateMachine:shop-")
        monkeypatch.setenv("OPERATOR_ROLE", role)
        return f"arn:aws:sts::000000000000:assumed-role/{role}/"

    return name


@pytest.mark.parametrize(
    ("caller", "groups"),
    [
        ("arn:aws:sts::000000000000:assumed-role/ops/hanako", {"operator"}),
        ("arn:aws:sts::000000000000:assumed-role/ops2/hanako", set()),
        ("arn:aws:sts::000000000000:assumed-role/feed/ops", set()),
        ("arn:aws:sts::111111111111:assumed-role/ops/hanako", set()),
        ("arn:aws:iam::000000000000:user/ops/hanako", set()),
        ("arn:aws:iam::000000000000:role/ops", set()),
    ],
)
def test_who_has_taken_on_the_role_of_the_stacks_operators_is_one_in_every_tenant(
    caller, groups, role
):
    role("ops")

    for tenant in ("tenant1", "tenant2", "*"):
        headers = {"x-tenant-code": tenant}
        asking = identity(None, headers, "/repairs/x", iam={"userArn": caller})
        assert (asking.tenant, asking.groups) == (tenant, groups)
        assert asking.client.is_machine

    role()
    assert identity(None, {"x-tenant-code": "t"}, iam={"userArn": caller}).groups == set()


def test_no_token_is_one_of_all_tenants():
    with pytest.raises(UnauthorizedError, match="all tenants"):
        identity(Person("mallory", ("operator",), tenant="*").claims)


EVERYBODYS = {"x-tenant-code": "*"}
OPERATOR_ARN = "arn:aws:sts::000000000000:assumed-role/ops/hanako"
NO_IDENTITY = {"/docs", "/approvals/{id}/decide", "/openapi.json"}
"""Routes that ask nobody who they are, or show the same to everybody."""


def test_all_tenants_at_once_are_named_in_repairs_alone(role):
    with Api() as api:
        role("ops")
        paths = api.send(OPERATOR, "GET", "/openapi.json").body["paths"]
        asked = [
            (method.upper(), path)
            for path, methods in paths.items()
            for method in methods
            if path not in NO_IDENTITY and not path.startswith("/repairs")
        ]
        assert len(asked) > 50

        answers = {}
        for method, path in asked:
            body = {"subject": "person-1", "reason": "asked"} if method != "GET" else None
            real = re.sub(r"{[^}]+}", "x", path)
            answer = api.as_machine(method, real, body, headers=EVERYBODYS, arn=OPERATOR_ARN)
            answers[method, path] = (answer.status, answer.body.get("field"))
        repairs = api.as_machine("GET", "/repairs", headers=EVERYBODYS, arn=OPERATOR_ARN)

        assert {one for one, told in answers.items() if told != (400, "tenant")} == set()
        assert repairs.status == 200
        assert bootstrap.erasures().find(ErasureKey.of("*", "person-1")) is None


@pytest.mark.parametrize(
    "path", ["/repairsx", "/x/repairs", "/repairs2/1", "/Repairs", "/repairs\n"]
)
def test_a_path_that_looks_like_repairs_is_none(path, role):
    role("ops")

    with pytest.raises(InvalidInputError, match="tenant: must be 1 to 64"):
        identity(None, EVERYBODYS, path, iam={"userArn": OPERATOR_ARN})


def test_a_machine_that_signs_with_iam_names_its_tenant_and_is_in_no_group(role):
    role()
    iam = {"userArn": "arn:aws:sts::000000000000:assumed-role/feed/1"}
    headers = {"X-Tenant-Code": "tenant2", "x-roles": "operator", "x-user": "hanako"}

    machine = identity(None, headers, iam=iam)

    assert (machine.tenant, machine.user) == ("tenant2", iam["userArn"])
    assert (machine.groups, machine.client.is_machine) == (frozenset(), True)
    for none in ({}, {"x-tenant-code": ""}):
        with pytest.raises(UnauthorizedError, match="x-tenant-code"):
            identity(None, none, iam=iam)


@pytest.mark.parametrize("tenant", ["[tenant1 tenant2]", "tenant1#x", "../tenant2", "tenant1 "])
def test_a_tenant_that_no_key_can_hold_reads_nothing(tenant):
    with Api() as api:
        claims = Person("mallory").claims | {"custom:tenant": tenant}

        answer = api.send(None, "GET", "/data/OFFER/o-1", claims=claims)

        assert (answer.status, answer.code) == (400, "invalid_input")


def examined(*clients, issuer=f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}", error=None):
    """What the doctor finds in a pool with these clients, by name, and the regions it asks."""
    cognito = boto3.client(
        "cognito-idp", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    regions = []
    with Stubber(cognito) as stub:
        listed = [{"ClientId": name, "ClientName": name, "UserPoolId": POOL} for name, _ in clients]
        if error:
            stub.add_client_error("list_user_pool_clients", error)
        for number, one in enumerate(listed):
            more = {"NextToken": f"page-{number}"} if number + 1 < len(listed) else {}
            asked = {"NextToken": f"page-{number - 1}"} if number else {}
            stub.add_response(
                "list_user_pool_clients",
                {"UserPoolClients": [one], **more},
                {"UserPoolId": POOL, **asked},
            )
            written = clients[number][1]
            also = {} if written is None else {"WriteAttributes": written}
            stub.add_response(
                "describe_user_pool_client",
                {"UserPoolClient": {**one, **also}},
                {"UserPoolId": POOL, "ClientId": one["ClientId"]},
            )
        target = Target({"TokenIssuer": issuer}, {}, "sfn-cqrs-dev")
        found = list(writable_tenants(target, lambda region: regions.append(region) or cognito))
    return found, regions


def test_the_doctor_names_every_client_by_which_users_may_write_their_tenant():
    found, regions = examined(
        ("web", ["email", "name"]), ("old", ["email", "custom:tenant"]), ("admin", None)
    )

    assert found == [
        f"{POOL}: the client old lets users write custom:tenant;"
        " give it WriteAttributes without custom:tenant",
        f"{POOL}: the client admin lets users write every attribute;"
        " give it WriteAttributes without custom:tenant",
    ]
    assert regions == ["eu-west-1"]


def test_the_doctor_says_so_if_it_may_not_look():
    found, _ = examined(error="AccessDeniedException")

    (one,) = found
    assert one.startswith(f"{POOL}: who may write custom:tenant cannot be seen: ")


@pytest.mark.parametrize("issuer", ["", ELSEWHERE, LIKE_COGNITO])
def test_the_doctor_knows_nothing_of_other_issuers(issuer):
    assert examined(issuer=issuer) == ([], [])
