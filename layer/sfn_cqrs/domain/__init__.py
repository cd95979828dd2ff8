"""Rules without AWS: no client, no clock, no environment."""
