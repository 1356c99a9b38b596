"""The packaged model, loaded by MLflow with unpickling switched off, answers as the library does, bit for bit."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import levercap
from levercap.serving.pyfunc import to_model_input
from levercap.storage import registry

pytestmark = pytest.mark.usefixtures("tracking")

SCRIPT = """
import json, pickle, sys
import mlflow, pandas as pd
uri, model_input, out = sys.argv[1:]
unpickled = []
def watched(name):
    original = getattr(pickle, name)
    def call(*arguments, **options):
        caller = sys._getframe(1).f_globals["__name__"]
        if not caller.startswith("numba."):  # its cache of compiled kernels, which lies beside our code
            unpickled.append(caller)
        return original(*arguments, **options)
    setattr(pickle, name, call)
watched("load"); watched("loads")
model = mlflow.pyfunc.load_model(uri)
frame = pd.read_parquet(model_input)
model.predict(frame).to_parquet(out)
print(json.dumps([unpickled, sorted(model.metadata.signature.inputs.input_names())]))
"""


@pytest.fixture(scope="module")
def version(boosted, store):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
        number = registry.log_training(boosted, {}, "")
        registry.set_alias(registry.CHAMPION, number)
    return number


@pytest.fixture(scope="module")
def book(trained):
    """A book with every kind of trouble in it."""
    accounts, positions = pd.read_parquet(trained.accounts), pd.read_parquet(trained.positions)
    held = positions["account_id"].unique()
    accounts.loc[accounts["account_id"] == held[0], "equity"] = float("nan")
    positions.loc[positions["account_id"] == held[1], "symbol"] = "NOSUCHUSDT"
    accounts = pd.concat([accounts, accounts[accounts["account_id"] == held[2]]], ignore_index=True)
    orphan = pd.DataFrame({"account_id": ["orphan"], "symbol": ["SIM01USDT"], "notional": [1.0]})
    accounts["previous_max_leverage"] = [3.0, None, 0.5] * (len(accounts) // 3)
    return accounts, pd.concat([positions, orphan], ignore_index=True)


def assert_same_limits(answer, expected):
    """Same values to the last bit; the packaged model states None for what is no finite number, and what the age of its
    snapshot did.
    """
    assert set(answer["snapshot_age"]) == {"own_instant"}
    answer = answer.drop(columns="snapshot_age")
    numbers = expected.select_dtypes("number").columns
    finite = expected.assign(**{name: expected[name].where(np.isfinite(expected[name])) for name in numbers})
    pd.testing.assert_frame_equal(answer.astype(expected.dtypes.to_dict()), finite, check_exact=True)


@pytest.mark.slow
def test_mlflow_and_library_agree_without_unpickling(version, book, boosted, tmp_path):
    accounts, positions = book
    to_model_input(accounts, positions).to_parquet(tmp_path / "input.parquet")
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, "models:/levercap@champion"]
    environment = {**os.environ, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    done = subprocess.run(
        [*command, str(tmp_path / "input.parquet"), str(tmp_path / "out.parquet")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    unpickled, names = json.loads(done.stdout.splitlines()[-1])
    assert unpickled == []
    assert {"account_id", "equity", "segment", "symbol", "notional"} <= set(names)
    packaged = pd.read_parquet(tmp_path / "out.parquet")
    for address in (boosted, "models:/levercap@champion", f"models:/levercap/{version}"):
        expected = levercap.load(address).predict(accounts, positions)
        assert_same_limits(packaged, expected)
    assert set(expected["status"]) == {"scored", "fallback", "rejected"}


def test_optional_columns_may_be_missing(version, book):
    import mlflow

    accounts, positions = book
    accounts = accounts[["account_id", "equity", "segment"]]
    model = mlflow.pyfunc.load_model(f"models:/levercap/{version}")
    answer = model.predict(to_model_input(accounts, positions))
    expected = levercap.load(f"models:/levercap/{version}").predict(accounts, positions)
    assert_same_limits(answer, expected)


def test_the_packaged_example_is_scored_on_its_own_model(version):
    import mlflow

    model = mlflow.pyfunc.load_model(f"models:/levercap/{version}")
    answer = model.predict(model.input_example)
    assert answer["account_id"].tolist() == ["a-1", "a-2"]
    assert answer["status"].tolist() == ["scored", "scored"]
    assert answer["snapshot_age"].tolist() == ["own_instant", "own_instant"]


def test_parameters_pass_mlflow_and_its_server(version):
    """The stored signature declares them; a client of the server sends them beside its rows."""
    import mlflow
    from mlflow.pyfunc.scoring_server import invocations

    model = mlflow.pyfunc.load_model(f"models:/levercap/{version}")
    declared = {param.name: (str(param.dtype), param.default) for param in model.metadata.signature.params}
    assert declared == {"now": ("DataType.string", None), "max_age_hours": ("DataType.double", None)}
    made = model.predict(model.input_example)["as_of"].iloc[0]
    now = (made + pd.Timedelta(hours=5)).isoformat()
    found = {}
    for age, params in {
        "own_instant": {},
        "allowed": {"now": now, "max_age_hours": 5},
        "exceeded": {"now": now},
    }.items():
        rows = json.loads(model.input_example.to_json(orient="split", index=False))
        body = json.dumps({"dataframe_split": rows, "params": params})
        answer = invocations(body, "application/json", model, model.metadata.get_input_schema())
        assert answer.status == 200, answer.response
        found[age] = json.loads(answer.response, parse_constant=pytest.fail)["predictions"]
        assert [row["snapshot_age"] for row in found[age]] == [age, age]
    assert [row["status"] for row in found["exceeded"]] == ["fallback", "fallback"]
    for old, new in zip(found["allowed"], found["exceeded"], strict=True):
        assert old["as_of"] < new["as_of"]
        assert new["max_leverage"] < old["max_leverage"]


def test_integers_categories_and_arrow_columns_pass_mlflow_and_the_answer_is_strict_json(version, book):
    import mlflow
    from mlflow.pyfunc.scoring_server import predictions_to_json

    accounts, positions = book
    plain = to_model_input(accounts, positions)
    whole = plain.assign(equity=plain["equity"].round(), notional=plain["notional"].round())
    typed = whole.astype({"equity": "Int64", "notional": "double[pyarrow]", "segment": "category"})
    model = mlflow.pyfunc.load_model(f"models:/levercap/{version}")
    answer = model.predict(typed)
    pd.testing.assert_frame_equal(answer, model.predict(whole), check_exact=True)
    text = io.StringIO()
    predictions_to_json(answer, text)

    def refuse(constant):
        raise AssertionError(constant)

    rows = json.loads(text.getvalue(), parse_constant=refuse)["predictions"]
    assert len(rows) == len(answer)
