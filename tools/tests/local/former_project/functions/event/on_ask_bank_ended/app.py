"""An execution of ask-bank ended without an answer: answer its parent here.

The execution was stopped, ran out of time, or could not record its failure. This function runs
every minute, and when Step Functions reports such an end.
"""

from sfn_cqrs.service.children import answering

lambda_handler = answering("ask-bank", parent="renewal", state="approve")
