"""DynamoDB in memory, exact where this framework's adapters can tell.

It refuses what DynamoDB refuses: expressions, sizes, keys, conditions, transactions. The contract
tests run the adapters over it and over moto.
"""

from sfn_cqrs_tools.testing.dynamodb.client import Change, DynamoDB
from sfn_cqrs_tools.testing.dynamodb.tables import Index

__all__ = ["Change", "DynamoDB", "Index"]
