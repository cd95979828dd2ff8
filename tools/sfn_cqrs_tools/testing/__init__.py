"""What tests of handlers, machines and whole stacks need; `plugin` gives it to pytest."""
