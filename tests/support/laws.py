"""Settings of property tests."""

from hypothesis import HealthCheck, settings

# Laws are checked by values and not by the clock
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
