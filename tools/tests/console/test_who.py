"""Who sits in front of the console."""

import base64
import json
from urllib.parse import parse_qsl

from sfn_cqrs_tools.console.who import Who, chosen, of_token

HANAKO = Who("hanako")


def token(claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"x.{part}.y"


def test_a_cookie_says_again_who_was_chosen():
    kim = Who("金", "tenant2", ("cashier", "operator"))

    assert chosen(dict(parse_qsl(kim.as_cookie())), HANAKO) == kim


def test_an_empty_or_broken_cookie_is_the_user_of_this_machine():
    assert chosen({}, HANAKO) == HANAKO
    assert chosen({"user": "\0", "tenant": ""}, HANAKO) == HANAKO


def test_whoever_chooses_no_role_is_a_member():
    member = chosen({"roles": ""}, HANAKO)

    assert member.roles == ()
    assert not member.is_operator


def test_only_another_person_is_named_for_the_command_line():
    assert HANAKO.named_beside(HANAKO) == ""
    assert Who("hanako", roles=()).named_beside(HANAKO) == "hanako:"
    assert Who("otto", roles=("auditor", "clerk")).named_beside(HANAKO) == "otto:auditor,clerk"


def test_a_token_says_who_its_bearer_is():
    claims = {"cognito:username": "ada", "custom:tenant": "t9", "cognito:groups": ["operator"]}

    assert of_token(token(claims)) == Who("ada", "t9", ("operator",))


def test_what_is_no_token_names_nobody_and_gives_no_role():
    assert of_token("nonsense") == Who("?", "?", ())
