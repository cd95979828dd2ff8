"""Read models in DynamoDB, and their generations."""
