"""A constraint registered once is found in the limits, explain, the report, the documentation and the configuration."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from levercap.cli.explanation import explanation_text
from levercap.config import Config, PolicyConfig, load_config
from levercap.core.errors import ConfigError
from levercap.limits.frame import limit_columns, symbol_limit_columns
from levercap.limits.predictor import Predictor
from levercap.policy import Constraint, ConstraintInputs, all_constraints, binding_constraint, cap_columns, register
from levercap.policy.constraints import catalogue, leverage_ratio
from levercap.report.inputs import Scores
from levercap.report.sections.cuts import cuts_section
from levercap.report.sections.limit_distribution import limits_section
from levercap.storage.atomic import SUCCESS
from levercap.workflows.explain import explain
from support import reference_pages
from support.snapshots import make_book, make_snapshot, make_tiers

SNAPSHOT = make_snapshot(np.random.default_rng(5), tiers=make_tiers())


def var_bound(inputs: ConstraintInputs) -> np.ndarray:
    """Two budgets, the first for VaR and the second for ES, low enough to bind for every account."""
    return np.stack([leverage_ratio(0.01, inputs.risk.path_var_99), leverage_ratio(0.012, inputs.risk.path_es_975)])


ADDED = Constraint(
    name="two_day_loss",
    title="loss over two days",
    meaning="A loss of two days stays within what the desk accepts.",
    source="a test",
    bound=var_bound,
    budgets=("var", "es"),
)


@pytest.fixture
def empty_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue as it was after the test."""
    monkeypatch.setattr(catalogue, "_constraints", list(all_constraints()))


@pytest.fixture
def added(empty_slot: None) -> Constraint:
    register(ADDED)
    return ADDED


@pytest.fixture
def scored(added: Constraint) -> SimpleNamespace:
    predictor = Predictor(SNAPSHOT, Config())
    accounts, positions = make_book(np.random.default_rng(3), 60)
    return SimpleNamespace(limits=predictor.predict(accounts, positions), symbols=predictor.symbol_limits())


def test_its_column_is_in_the_limits_and_it_binds(scored: SimpleNamespace) -> None:
    for frame, columns in ((scored.limits, limit_columns()), (scored.symbols, symbol_limit_columns())):
        assert "cap_two_day_loss" in columns
        assert list(frame.columns[: len(columns)]) == list(columns)
        kept = frame[frame["status"] == "scored"]
        expected = np.minimum(0.01 / kept["path_var_99"], 0.012 / kept["path_es_975"])
        np.testing.assert_array_equal(kept["cap_two_day_loss"], expected)
        mine = kept[kept["binding"].map(binding_constraint) == "two_day_loss"]
        assert len(mine) > 5
        tighter = np.where(0.01 / mine["path_var_99"] <= 0.012 / mine["path_es_975"], "var", "es")
        assert mine["binding"].tolist() == [f"two_day_loss:{name}" for name in tighter]


def test_explain_names_it_and_says_what_it_is(scored: SimpleNamespace, tmp_path: Path) -> None:
    folder = tmp_path / "as_of=2025-03-01T08"
    folder.mkdir()
    scored.limits.to_parquet(folder / "limits.parquet")
    (folder / SUCCESS).touch()
    row = scored.limits[scored.limits["binding"].str.startswith("two_day_loss:")].iloc[0]
    answer = explain(tmp_path, row["account_id"])
    assert answer["caps"][0] == {"cap": "two_day_loss", "max_leverage": row["max_leverage"], "binding": True}
    assert sum(cap["binding"] for cap in answer["caps"]) == 1
    (line,) = [line for line in explanation_text(answer).splitlines() if "->" in line]
    assert row["binding"] in line
    assert ADDED.meaning in line
    assert "without two_day_loss the next cap is" in explanation_text(answer)


def test_the_report_calls_it_by_its_title(scored: SimpleNamespace) -> None:
    limits = scored.limits.assign(previous_max_leverage=2 * scored.limits["max_leverage"])
    shown = Scores(limits, {})
    assert ADDED.title in cuts_section(shown).body
    assert "two_day_loss" not in cuts_section(shown).body
    assert limits_section(shown).body


def test_the_documentation_has_a_row_for_it(added: Constraint) -> None:
    (row,) = [line for line in reference_pages.constraints_page().splitlines() if line.startswith("| `two_day_loss` |")]
    for text in (added.title, added.meaning, added.source, "`cap_two_day_loss`", "`two_day_loss:es`"):
        assert text in row
    assert "| `constraints.two_day_loss` | true | Loss over two days. |" in reference_pages.config_page()


def test_the_configuration_switches_it(added: Constraint) -> None:
    on, off = Config(), load_config(None, {"LEVERCAP_POLICY__CONSTRAINTS__TWO_DAY_LOSS": "false"})
    assert on.policy.constraints["two_day_loss"] is True
    assert on.config_hash() != off.config_hash()
    book = make_book(np.random.default_rng(3), 60)
    limits = Predictor(SNAPSHOT, off).predict(*book)
    kept = limits[limits["status"] == "scored"]
    assert (kept["cap_two_day_loss"] == np.inf).all()
    assert not kept["binding"].str.startswith("two_day_loss").any()


def test_without_it_there_is_no_trace() -> None:
    assert "cap_two_day_loss" not in limit_columns()
    assert "two_day_loss" not in Config().policy.constraints
    with pytest.raises(ConfigError, match=r"policy.constraints.two_day_loss: unknown constraint"):
        load_config(None, {}, {"policy.constraints.two_day_loss": True})


@pytest.mark.parametrize("name", ["liquidation", "Liquidation", "two words", "guardrail", "rejected", "a:b", ""])
def test_a_name_that_is_taken_or_no_identifier_is_refused(name: str, empty_slot: None) -> None:
    with pytest.raises(ValueError, match="is no name for a constraint"):
        register(Constraint(name, "title", "meaning", "policy", lambda inputs: inputs.tier_cap))
    assert len(all_constraints()) == len(cap_columns()) == 8


def test_bounds_of_a_wrong_shape_are_refused(empty_slot: None) -> None:
    register(Constraint("flat", "title", "meaning", "policy", lambda inputs: np.float64(2.0)))
    with pytest.raises(ValueError, match="constraint flat: bounds of shape"):
        Predictor(SNAPSHOT, Config())


@pytest.mark.parametrize("name", [known.name for known in all_constraints() if not known.required])
def test_a_constraint_that_is_off_bounds_nothing_and_the_others_stay_the_same(name: str) -> None:
    config = load_config(None, {}, {f"policy.constraints.{name}": False})
    book = make_book(np.random.default_rng(4), 300)
    on, off = (Predictor(SNAPSHOT, c).predict(*book) for c in (Config(), config))
    kept = on["status"] != "rejected"
    held = on["effective_leverage"] > 0  # without a position, the reference position that binds may be another one
    assert (off.loc[kept, f"cap_{name}"] == np.inf).all()
    others = [column for column in cap_columns() if column != f"cap_{name}"]
    pd.testing.assert_frame_equal(on.loc[held, others], off.loc[held, others], check_exact=True)
    assert not (off["binding"].map(binding_constraint) == name).any()
    assert (off.loc[kept, "unguarded_max_leverage"] == off.loc[kept, others].min(axis=1)).all()


def test_the_fallback_cannot_be_switched_off() -> None:
    with pytest.raises(ConfigError, match=r"policy.constraints.fallback: cannot be switched off: .*incomplete data"):
        load_config(None, {}, {"policy.constraints.fallback": False})
    forced = Config(policy=PolicyConfig(constraints={"fallback": False}))
    book = make_book(np.random.default_rng(4), 300)
    on, off = (Predictor(SNAPSHOT, config).predict(*book) for config in (Config(), forced))
    assert (on["cap_fallback"] == 1.0).any()
    pd.testing.assert_series_equal(on["cap_fallback"], off["cap_fallback"])


def test_an_unknown_switch_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"policy.constraints.insolvncy: unknown constraint; did you mean 'insolven"):
        load_config(None, {}, {"policy.constraints.insolvncy": True})


def test_the_long_memory_floor_names_the_budget_that_binds() -> None:
    limits = Predictor(SNAPSHOT, Config()).predict(*make_book(np.random.default_rng(6), 3000))
    named = set(limits.loc[limits["binding"].map(binding_constraint) == "long_memory", "binding"])
    assert named == {"long_memory:liquidation", "long_memory:loss_threshold"}


def test_every_constraint_names_settings_that_exist() -> None:
    settings = {f"{section}.{key}" for section, keys in Config().as_dict().items() for key in keys}
    for constraint in all_constraints():
        assert set(constraint.keys) <= settings
        assert constraint.meaning.endswith(".")
