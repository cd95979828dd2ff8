from functions.renewal.check.app import lambda_handler


def test_it_answers_for_the_id_of_its_execution(sample, lambda_context):
    event = sample("renewal/check")

    answer = lambda_handler(event, lambda_context)

    assert answer == {"id": "w-1", "result": "done"}
