"""Webhooks that the stack sends, by Standard Webhooks."""
