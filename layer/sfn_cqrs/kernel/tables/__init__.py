"""Items of DynamoDB: records, conditions, pages, transactions."""
