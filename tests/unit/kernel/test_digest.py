from sfn_cqrs.kernel.digest import MAX_EXAMPLES, MAX_GROUPS, digest_of


def a_failure(error="SyncHandlerError: no customer", **fields):
    """What the topic of failures is told."""
    failure = {
        "action": "sfn-alarm",
        "id": "01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
        "table": "commands",
        "pk": "TENANT#tenant1#OFFER#o-1",
        "sk": "OFFER#o-1@00000003",
        "tenantCode": "tenant1",
        "content": {"errorMessage": error, "sfnId": "c-1"},
    }
    return {**failure, **fields}


def test_one_failure_is_told_with_what_the_command_line_takes():
    digest = digest_of([a_failure()], "clinic-prod")

    assert digest.subject == "1 failure in clinic-prod"
    assert digest.text.splitlines() == [
        "1 failure in clinic-prod:",
        "",
        "1 × SyncHandlerError: no customer",
        "    OFFER o-1 v3 of tenant1",
        "",
        "All that needs somebody: sfn-cqrs doctor --stack clinic-prod",
        "What to do: docs/runbooks/README.md",
    ]


def test_what_is_no_version_has_its_id():
    id_ = "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"
    digest = digest_of([a_failure(id=id_, sk="OFFER_REMINDER#01KA")], "clinic-prod")

    assert f"    {id_} of tenant1" in digest.text.splitlines()


def test_the_most_frequent_error_comes_first_with_a_few_of_its_kind():
    failures = [a_failure("Rare: once"), *[a_failure("Common: often")] * 7]
    lines = digest_of(failures, "clinic-prod").text.splitlines()

    assert lines[0] == "8 failures in clinic-prod:"
    assert [line for line in lines if "×" in line] == ["7 × Common: often", "1 × Rare: once"]
    assert lines.count("    OFFER o-1 v3 of tenant1") == MAX_EXAMPLES + 1
    assert "    … and 4 more" in lines


def test_ten_thousand_different_errors_fit_into_a_message():
    digest = digest_of([a_failure(f"Error{n}: {'x' * 900}") for n in range(10_000)], "clinic-prod")

    assert f"… and {10_000 - MAX_GROUPS} other errors." in digest.text
    assert len(digest.text.encode()) < 64 * 1024


def test_a_subject_is_one_that_an_e_mail_may_have():
    assert len(digest_of([a_failure()], "s" * 128).subject) == 100


def test_nothing_that_others_wrote_is_hidden_or_a_link():
    failures = [a_failure("E: see https://evil.example\u202e\x1b[1m", id="www.evil.x", sk="ORDER")]

    text = digest_of(failures, "clinic-prod").text

    assert "https[:]//evil.example⟨U+202E⟩⟨U+001B⟩[1m" in text
    assert [one for one in ("://", "www.", "\u202e", "\x1b") if one in text] == []
