"""Plans: commands at a moment, and deadlines."""
