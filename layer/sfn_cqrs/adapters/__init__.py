"""One class per thing spoken to."""
