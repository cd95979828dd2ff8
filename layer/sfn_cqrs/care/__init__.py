"""What looks after all work: sweeps, repairs, audits, erasures, tenants, usage, live updates."""
