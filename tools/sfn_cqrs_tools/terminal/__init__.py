"""Output for people: long work, chains and tables."""
