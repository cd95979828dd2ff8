"""The logger of every function: JSON, and never a task token."""

from aws_lambda_powertools import Logger

logger = Logger(use_rfc3339=True)
