"""The HTTP API as a whole: its routes, its document, the user's own routes."""
