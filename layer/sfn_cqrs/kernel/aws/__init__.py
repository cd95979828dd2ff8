"""Queues, topics, buckets, executions and traces of AWS."""
