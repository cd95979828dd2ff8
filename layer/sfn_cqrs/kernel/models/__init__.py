"""Models: the class that says what the attributes of a type are."""
