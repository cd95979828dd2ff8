"""Versioned commands on AWS Step Functions.

In the end, each read model has every change, in order. A handler may be called twice or late; the
version number makes that harmless.
"""

import logging
import sys

from sfn_cqrs._former import FINDER

for _name in ("boto3", "botocore", "s3transfer", "urllib3", "aws_lambda_powertools"):
    logging.getLogger(_name).setLevel(logging.INFO)  # at DEBUG they write what they send: secrets
if FINDER not in sys.meta_path:
    sys.meta_path.append(FINDER)  # the last: what is there is found before
