"""Commands: publishing, applying, operating them."""
