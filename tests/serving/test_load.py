"""`levercap.load`: light to import, complete when it returns."""

import json
import os
import subprocess
import sys

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
