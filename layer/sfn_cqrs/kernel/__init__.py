"""What every room uses: keys, errors, values, policies."""
