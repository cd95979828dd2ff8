"""The HTTP API and the AWS side of a stack, as commands call them."""
