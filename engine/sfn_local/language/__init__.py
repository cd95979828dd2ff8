"""The parts of the Amazon States Language that need no execution."""
