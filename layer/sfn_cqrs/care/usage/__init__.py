"""What tenants use."""
