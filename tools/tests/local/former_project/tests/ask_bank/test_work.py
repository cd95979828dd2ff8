from functions.ask_bank.work.app import lambda_handler


def test_it_answers_for_the_id_of_its_execution(sample, lambda_context):
    event = sample("ask_bank/work")

    answer = lambda_handler(event, lambda_context)

    assert answer == {"id": "w-1", "result": "done"}
