"""What all suites share."""

from hypothesis import HealthCheck, settings

# A busy machine is no failure: no deadline per example, no complaint that making one was slow.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
