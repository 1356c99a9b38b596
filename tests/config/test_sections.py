"""Configuration: precedence, exact types, ranges, and every problem at once with the nearest name."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levercap.config import ALIASES, Config, config_from_dict, load_config
from levercap.core.errors import ConfigError

FIXED = "policy.constraints.fallback"
"""The one switch that cannot be turned."""


def problems_of(text: str, folder: Path, environment: dict[str, str] | None = None) -> str:
    path = folder / "x.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path, environment or {})
    return str(error.value)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    if not isinstance(tree, dict):
        return [(".".join(path), tree)]
    return [leaf for key, value in tree.items() for leaf in leaves(value, (*path, key))]


def test_no_file_no_environment_is_the_default() -> None:
    assert load_config(None, {}) == Config()


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[policy]\nclosing_cost = 0.002\nwarn_share = 0.8\nstressed_weight = 0.5\n")
    environment = {"LEVERCAP_POLICY__CLOSING_COST": "0.003", "LEVERCAP_POLICY__WARN_SHARE": "0.7"}
    policy = load_config(path, environment, {"policy.closing_cost": 0.004}).policy
    assert (policy.closing_cost, policy.warn_share, policy.stressed_weight) == (0.004, 0.7, 0.5)
    assert policy.insolvency_budget == Config().policy.insolvency_budget


def test_environment_meets_keys_written_in_capitals() -> None:
    config = load_config(None, {"LEVERCAP_POLICY__JURISDICTION_CAPS__EU__RETAIL": "1.5"})
    assert config.policy.jurisdiction_caps["EU"] == {"retail": 1.5}
    assert set(config.policy.jurisdiction_caps) == {"EU", "EEA", "UK"}


def test_other_variables_are_not_configuration() -> None:
    environment = {"LEVERCAP_MARKET": "somewhere", "HOME": "x", "MLFLOW_TRACKING_URI": "y"}
    assert load_config(None, environment) == Config()


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    text = """
    [polciy]
    x = 1
    [policy]
    liquidation_probability = 1.5
    closing_cots = 1
    warn_share = "high"
    stressed_weight = nan
    missing_tier_max_leverage = inf
    [policy.profiles.whale]
    max_leverage = 3
    [simulated_market]
    start = "yesterday"
    days = 2.5
    """
    message = problems_of(text, tmp_path)
    for expected in (
        "polciy: unknown key; did you mean 'policy'?",
        "policy.closing_cots: unknown key; did you mean 'closing_cost'?",
        "policy.liquidation_probability: expected a number between 0 and 1, neither included, got 1.5",
        "policy.warn_share: expected a number, got 'high'",
        "policy.stressed_weight: expected a number from 0 to 1, got nan",
        "policy.missing_tier_max_leverage: expected a number above 0, got inf",
        "policy.profiles.whale: loss_threshold is missing",
        "simulated_market.start: expected a date such as 2022-01-01, got 'yesterday'",
        "simulated_market.days: expected a whole number, got 2.5",
    ):
        assert expected in message
    assert message.count("\n") == 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("policy = 3", "policy: expected a table, got 3"),
        ("[policy]\nprofiles = 3", "policy.profiles: expected a table, got 3"),
        ("[policy.jurisdiction_caps]\nEU = 2.0", "policy.jurisdiction_caps.EU: expected a table, got 2.0"),
        ("[forecast]\nseed = true", "forecast.seed: expected a whole number, got True"),
        ("[forecast]\nseed = -1", "forecast.seed: expected a whole number, 0 or above, got -1"),
        ("zzz = 1", "zzz: unknown key; known keys: breaker, forecast, guardrails, market"),
        ("[policy", "is not valid TOML"),
    ],
)
def test_kind_message_for(text: str, expected: str, tmp_path: Path) -> None:
    assert expected in problems_of(text, tmp_path)


def test_missing_or_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})
    (tmp_path / "latin.toml").write_bytes(b"x = '\xe9'")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_config(tmp_path / "latin.toml", {})


def test_environment_below_a_value_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    message = problems_of("policy = 3", tmp_path, {"LEVERCAP_POLICY__CLOSING_COST": "0.1"})
    assert "policy.closing_cost (from the environment): policy is a value, not a table" in message
    with pytest.raises(ConfigError, match=r"policy.warn_share: expected a number, got \{'x': 1\}"):
        load_config(None, {"LEVERCAP_POLICY__WARN_SHARE__X": "1"})


def test_a_profile_given_in_part_keeps_its_other_value(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[policy.profiles.retail]\nmax_leverage = 10\n")
    profiles = load_config(path, {}).policy.profiles
    assert profiles["retail"] == dataclasses.replace(Config().policy.profiles["retail"], max_leverage=10.0)
    assert profiles["institutional"] == Config().policy.profiles["institutional"]


def test_hash_depends_on_values_only() -> None:
    assert load_config(None, {}, {"policy.warn_share": 0.9}).config_hash() == Config().config_hash()
    assert load_config(None, {"LEVERCAP_POLICY__PROFILES__RETAIL__MAX_LEVERAGE": "25"}).config_hash() == (
        Config().config_hash()
    )


@pytest.mark.parametrize("name", [name for name, _ in leaves(Config().as_dict()) if name != FIXED])
def test_every_key_can_be_set_and_moves_the_hash(name: str) -> None:
    value = dict(leaves(Config().as_dict()))[name]
    changed = "2021-01-01" if isinstance(value, str) else value + 1 if isinstance(value, int) else value * 0.9
    if isinstance(value, bool):
        changed = not value
    changed = {"market.unit_jump_ratio": 9.0, "policy.unknown_jurisdiction": "none"}.get(name, changed)
    config = load_config(None, {}, {name: changed})
    assert dict(leaves(config.as_dict()))[name] == changed
    assert config.config_hash() != Config().config_hash()


@pytest.mark.parametrize("name", [name for name, value in leaves(Config().as_dict()) if isinstance(value, float)])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_no_number_may_be_missing_infinite_or_negative(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        load_config(None, {}, {name: value})


NAMES = [name for name, _ in leaves(Config().as_dict())]
SECTIONS = sorted({".".join(name.split(".")[:depth]) for name in NAMES for depth in (1, 2, 3)})
VALUES = st.recursive(
    st.integers() | st.floats() | st.text(max_size=5) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(SECTIONS), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(NAMES + SECTIONS) | st.text(max_size=8), VALUES, max_size=4))
def test_any_tree_gives_a_config_that_round_trips_or_a_config_error(overrides: dict[str, Any]) -> None:
    try:
        config = load_config(None, {}, overrides)
    except ConfigError:
        return
    assert load_config(None, {}, config.as_dict()) == config


def test_the_old_name_of_a_renamed_key_is_read_with_a_hint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[forecast]\nlean_penalty = 2.0\n")
    assert load_config(path, {}).forecast.tail_state_penalty == 2.0
    assert "forecast.lean_penalty" in caplog.text
    assert "forecast.tail_state_penalty" in caplog.text
    assert load_config(path, {"LEVERCAP_FORECAST__TAIL_STATE_PENALTY": "3"}).forecast.tail_state_penalty == 3.0
    assert load_config(None, {"LEVERCAP_FORECAST__LEAN_PENALTY": "4"}).forecast.tail_state_penalty == 4.0
    assert load_config(path, {}, {"forecast.lean_penalty": 5.0}).forecast.tail_state_penalty == 5.0


def test_the_value_under_an_old_name_is_checked_like_any_other(tmp_path: Path) -> None:
    assert "forecast.tail_state_penalty: expected a number above 0" in problems_of(
        "[forecast]\nlean_penalty = -2.0\n", tmp_path
    )


def test_old_and_present_name_in_one_file_are_a_problem(tmp_path: Path) -> None:
    text = "[forecast]\nlean_penalty = 2.0\ntail_state_penalty = 1.0\n"
    assert "forecast.lean_penalty" in problems_of(text, tmp_path)


def test_a_configuration_stored_before_a_rename_is_read(caplog: pytest.LogCaptureFixture) -> None:
    stored = Config().as_dict()
    stored["forecast"]["lean_penalty"] = stored["forecast"].pop("tail_state_penalty") * 2
    given = dict(stored["forecast"])
    assert config_from_dict(stored).forecast.tail_state_penalty == 2 * Config().forecast.tail_state_penalty
    assert stored["forecast"] == given, "the mapping given is left as it is"
    assert not caplog.text


def test_a_configuration_stored_before_a_key_existed_takes_its_default() -> None:
    stored = Config().as_dict()
    del stored["policy"]["constraints"], stored["policy"]["reduce_multiple"], stored["guardrails"]["previous_age_days"]
    assert config_from_dict(stored) == Config()


def test_every_alias_leads_to_a_key_that_exists() -> None:
    keys = {name for name, _ in leaves(Config().as_dict())}
    assert set(ALIASES.values()) <= keys
    assert not set(ALIASES) & keys


def test_the_constraints_are_known_without_importing_them_first() -> None:
    code = (
        "import sys, levercap; assert 'numpy' not in sys.modules; from levercap.config import Config; "
        "assert Config().policy.constraints['fallback']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
