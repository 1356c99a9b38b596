"""Property tests draw the same examples in every run of `make test`, and fresh ones in `make fuzz`."""

from pathlib import Path

from hypothesis import settings

from support.properties import CI, FUZZ, MANY, examples

TESTS = Path(__file__).parents[1]


def test_make_test_draws_the_same_examples_and_make_fuzz_fresh_ones() -> None:
    usual, fuzz = settings.get_profile(CI), settings.get_profile(FUZZ)
    assert usual.derandomize
    assert not fuzz.derandomize
    assert fuzz.print_blob
    assert fuzz.max_examples == MANY * usual.max_examples


def test_numbers_of_examples_follow_the_profile() -> None:
    """`max_examples` written into a test would hold in `make fuzz` too."""
    times = MANY if settings.get_current_profile_name() == FUZZ else 1
    assert examples(7).max_examples == 7 * times
    own = {"tests/support/properties.py", f"tests/project/{Path(__file__).name}"}
    files = {str(path.relative_to(TESTS.parent)) for path in TESTS.rglob("*.py") if "max_examples" in path.read_text()}
    assert files == own
