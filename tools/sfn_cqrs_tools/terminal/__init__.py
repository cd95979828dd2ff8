"""What a person sees of long work, chains and tables."""
