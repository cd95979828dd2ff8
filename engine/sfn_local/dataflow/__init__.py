"""The data flow of a state in its query language, and what it does on errors."""
