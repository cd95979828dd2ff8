"""Adapters to AWS and to PostgreSQL, one class per service or table."""
