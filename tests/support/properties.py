"""Number of examples of a property test, under the profile in use: see `tests/conftest.py`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ["CI", "FUZZ", "MANY", "examples", "register_profiles"]

CI, FUZZ = "ci", "fuzz"
MANY = 10
"""Examples of `make fuzz` for one of `make test`."""


def register_profiles() -> None:
    """`ci`: the same examples in every run; `fuzz`: fresh ones, ten times as many, and how to repeat a failure."""
    any_speed = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile(CI, derandomize=True, database=None, max_examples=100, **any_speed)
    settings.register_profile(FUZZ, derandomize=False, max_examples=100 * MANY, print_blob=True, **any_speed)
    settings.load_profile(CI)  # unless pytest is given --hypothesis-profile


def examples(count: int) -> settings:
    """Settings of a property test that draws `count` examples in `make test`."""
    return settings(max_examples=count * (MANY if settings.get_current_profile_name() == FUZZ else 1))
