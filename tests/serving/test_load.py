"""`levercap.load`: light to import, complete when it returns."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

import levercap
from levercap.core.errors import BundleError
from levercap.storage.bundle_files import read_bundle_files
from levercap.storage.snapshot_files import write_snapshot

AUDITED = """
import json, sys
import levercap
heavy = sorted({"pandas", "lightgbm", "mlflow", "numba"} & set(sys.modules))
import pandas as pd
bundle, accounts, positions = sys.argv[1:]
accounts, positions = pd.read_parquet(accounts), pd.read_parquet(positions)
predictor = levercap.load(bundle)
touched = []
def hook(event, arguments):
    if event in {"open", "os.listdir", "os.scandir", "subprocess.Popen"} or event.startswith("socket."):
        touched.append([event, str(arguments[0]) if arguments else ""])
sys.addaudithook(hook)
rows = len(predictor.predict(accounts, positions)) + len(predictor.symbol_limits())
seen = list(touched)
open(bundle + "/MANIFEST.json").close()
print(json.dumps([heavy, rows, seen, len(touched) > len(seen), "mlflow" in sys.modules]))
"""


def test_after_load_the_system_is_not_asked_for_a_file_or_a_connection(trained):
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        AUDITED,
        *map(str, (trained.bundle, trained.accounts, trained.positions)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    heavy, rows, touched, hook_works, mlflow_needed = json.loads(done.stdout)
    assert heavy == []
    assert rows > 200
    assert hook_works
    assert touched == []
    assert not mlflow_needed


def test_the_name_stays_a_function_whatever_is_imported_first():
    script = "import levercap.serving.load, levercap.serving.pyfunc, levercap; assert callable(levercap.load)"
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, env=dict(os.environ))


WITHOUT_TRAINING = """
import json, sys
TRAINING = {"lightgbm", "sklearn", "scipy", "mlflow", "matplotlib"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in TRAINING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
try:
    import sklearn
except ModuleNotFoundError:
    absent = True
import levercap
import pandas as pd
bundle, snapshot, accounts, positions, out = sys.argv[1:]
accounts, positions = pd.read_parquet(accounts), pd.read_parquet(positions)
for name, predictor in {"own": levercap.load(bundle), "given": levercap.load(bundle, snapshot)}.items():
    predictor.predict(accounts, positions).to_parquet(f"{out}/{name}.parquet")
    predictor.symbol_limits().to_parquet(f"{out}/{name}-symbols.parquet")
print(json.dumps([absent, sorted(TRAINING & set(sys.modules))]))
"""


def test_loads_and_predicts_without_the_packages_of_training(trained, tmp_path):
    """NumPy, pandas, PyArrow and Numba are enough; the limits are those of a process that has everything."""
    given = tmp_path / "snapshot"
    given.mkdir()
    write_snapshot(read_bundle_files(trained.bundle).snapshot, given)
    arguments = (trained.bundle, given, trained.accounts, trained.positions, tmp_path)
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_TRAINING, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, []]
    predictor = levercap.load(trained.bundle)
    book = pd.read_parquet(trained.accounts), pd.read_parquet(trained.positions)
    for name in ("own", "given"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(tmp_path / f"{name}.parquet"), predictor.predict(*book), check_exact=True
        )
        pd.testing.assert_frame_equal(
            pd.read_parquet(tmp_path / f"{name}-symbols.parquet"), predictor.symbol_limits(), check_exact=True
        )


def test_the_name_load_brings_no_package_of_training_into_memory():
    """Numba itself imports the top of SciPy where it is installed, so SciPy is not looked for here."""
    script = "import levercap, sys; levercap.load; print(sorted({'lightgbm', 'sklearn', 'mlflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_snapshot_of_another_bundle_is_refused(trained, tmp_path):
    own = read_bundle_files(trained.bundle).snapshot
    write_snapshot(dataclasses.replace(own, bundle_id="0" * 16), tmp_path)
    with pytest.raises(BundleError, match=r"was made by bundle 0{16}"):
        levercap.load(trained.bundle, tmp_path)


def test_a_changed_model_file_is_refused_though_serving_does_not_read_it(trained, tmp_path):
    folder = shutil.copytree(trained.bundle, tmp_path / "copy")
    with (folder / "models" / "forecaster.json").open("a") as file:
        file.write(" ")
    with pytest.raises(BundleError, match=r"models/forecaster\.json: changed"):
        levercap.load(folder)


def test_a_bundle_that_is_older_than_allowed_answers_at_the_bound(trained):
    accounts, positions = pd.read_parquet(trained.accounts), pd.read_parquet(trained.positions)
    own = levercap.load(trained.bundle)
    made = own.snapshot.as_of
    assert "snapshot_age" in {finding.code for finding in own.clean(accounts, positions).findings}
    young = levercap.load(trained.bundle, max_age_hours=3, now=made + pd.Timedelta(hours=3))
    assert young.snapshot.as_of == made
    assert "snapshot_age" not in {finding.code for finding in young.clean(accounts, positions).findings}
    old = levercap.load(trained.bundle, max_age_hours=3, now=made + pd.Timedelta(hours=4))
    fresh, late = own.predict(accounts, positions), old.predict(accounts, positions)
    assert (late["max_leverage"] <= fresh["max_leverage"]).all()
    assert (late["status"] != "scored").all()
    held = old.predict(accounts, positions, previous=fresh)
    assert (held["max_leverage"] <= fresh["max_leverage"]).all()
    assert "held" in set(held["status"])
    with pytest.raises(ValueError, match="after"):
        levercap.load(trained.bundle, max_age_hours=3, now=made - pd.Timedelta(hours=1))
