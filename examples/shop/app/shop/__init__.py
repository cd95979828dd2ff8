"""The worked example: copy a module, change its type, and it runs."""
