"""Versioned commands, ordered and exactly once into read models, on AWS Step Functions."""
