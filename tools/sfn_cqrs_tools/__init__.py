"""The local runtime: development only, never deployed."""
