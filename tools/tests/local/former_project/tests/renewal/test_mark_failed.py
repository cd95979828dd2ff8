from functions.renewal.mark_failed.app import lambda_handler


def test_the_execution_ends_with_what_was_caught(sample, lambda_context):
    event = sample("renewal/mark_failed")

    answer = lambda_handler(event, lambda_context)

    assert answer == {
        "error": "AccessDeniedException",
        "cause": "the role may not do this",
    }


def test_the_log_names_the_error_and_leaves_out_its_cause(sample, lambda_context, log):
    event = sample("renewal/mark_failed")

    lambda_handler(event, lambda_context)

    assert "AccessDeniedException" in log.getvalue()
    assert "the role may not do this" not in log.getvalue()
