"""Output folders: whole or not at all, whatever happens; the same frame, the same bytes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from levercap.pipeline.output import SUCCESS, atomic_folder, write_json, write_parquet

# The writer stops itself dead at the moment named by its argument: no handler runs, no buffer is flushed.
WRITER = """
import os, signal, sys
from pathlib import Path
from levercap.pipeline import output

moment, target = sys.argv[1], Path(sys.argv[2])
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
rename, rmtree, moves = Path.rename, output.shutil.rmtree, []

def counted(self, to):
    if moment == f"before_rename_{len(moves)}": die()
    moves.append(to)
    result = rename(self, to)
    if moment == f"after_rename_{len(moves) - 1}": die()
    return result

Path.rename = counted
if moment == "deleting_old":
    def half(folder):
        if str(folder).endswith("replaced"):
            os.unlink(sorted(Path(folder).iterdir())[0]); die()
        rmtree(folder)
    output.shutil.rmtree = half
with output.atomic_folder(target) as building:
    (building / "a.txt").write_text("new")
    if moment == "between_files": die()
    (building / "b.txt").write_text("new")
    if moment == "before_marker": die()
"""
MOMENTS = [
    "between_files",
    "before_marker",
    "before_rename_0",
    "after_rename_0",
    "before_rename_1",
    "after_rename_1",
    "deleting_old",
]


def content(folder):
    return {p.name: p.read_text() for p in sorted(folder.iterdir())} if folder.exists() else None


def whole(text):
    return {SUCCESS: "", "a.txt": text, "b.txt": text}


def write(target, text):
    with atomic_folder(target) as building:
        (building / "a.txt").write_text(text)
        (building / "b.txt").write_text(text)


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_writer_leaves_the_old_output_or_the_new_or_none(tmp_path, moment, before):
    target = tmp_path / "as_of=2025-06-30T00"
    if before is not None:
        write(target, before)
    code = subprocess.run([sys.executable, "-c", WRITER, moment, str(target)], check=False).returncode
    reached = before is not None or moment not in {"after_rename_1", "before_rename_1", "deleting_old"}
    assert code == (-signal.SIGKILL if reached else 0)
    assert content(target) in (None, whole("new"), *([whole(before)] if before is not None else []))
    write(target, "newer")
    assert content(target) == whole("newer")
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_old_output_comes_back_when_the_next_run_fails_too(tmp_path):
    target = tmp_path / "out"
    write(target, "old")
    subprocess.run([sys.executable, "-c", WRITER, "after_rename_0", str(target)], check=False)
    assert content(target) is None
    with pytest.raises(RuntimeError), atomic_folder(target):
        raise RuntimeError
    assert content(target) == whole("old")


def test_a_writer_killed_by_the_clock_at_random_moments(tmp_path):
    target = tmp_path / "out"
    script = (
        "import sys\nfrom pathlib import Path\nfrom levercap.pipeline.output import atomic_folder\n"
        "print('ready', flush=True)\ni = 0\nwhile True:\n    i += 1\n"
        "    with atomic_folder(Path(sys.argv[1])) as building:\n"
        "        for name in ('a.txt', 'b.txt'): (building / name).write_text(str(i))\n"
    )
    rng = np.random.default_rng(3)
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(float(rng.uniform(0.02, 0.15)))
            process.kill()
        found = content(target)
        assert found is None or found == whole(found["a.txt"])
    write(target, "last")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_error_inside_leaves_the_old_output(tmp_path):
    target = tmp_path / "deep" / "out"
    write(target, "old")
    with pytest.raises(KeyboardInterrupt), atomic_folder(target) as building:
        (building / "a.txt").write_text("half")
        raise KeyboardInterrupt
    assert content(target) == whole("old")
    assert [p.name for p in target.parent.iterdir()] == ["out"]


def test_two_writers_take_turns(tmp_path):
    target = tmp_path / "out"
    script = WRITER.replace('if moment == "between_files": die()', "import time; time.sleep(0.3)")
    writers = [subprocess.Popen([sys.executable, "-c", script, "never", str(target)]) for _ in range(2)]
    assert [w.wait(30) for w in writers] == [0, 0]
    assert content(target) == whole("new")


def test_same_frame_same_bytes_and_back(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "account_id": pd.Series([f"a{i}" for i in range(5000)], dtype="str"),
            "as_of": pd.Timestamp("2025-06-30", tz="UTC").as_unit("us"),
            "status": rng.choice(["scored", "fallback"], 5000),
            "max_leverage": rng.lognormal(size=5000),
        }
    )
    frame.loc[3, ["status", "max_leverage"]] = None
    write_parquet(frame, tmp_path / "one.parquet")
    write_parquet(frame.set_index(frame.index[::-1]), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one.parquet"), frame)


def test_bytes_do_not_depend_on_the_process(tmp_path):
    script = (
        "import sys, pandas as pd\nfrom pathlib import Path\nfrom levercap.pipeline.output import write_parquet\n"
        "write_parquet(pd.DataFrame({'x': [1.0, None], 's': ['b', 'a']}), Path(sys.argv[1]))\n"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", script, str(tmp_path / seed)], check=True, env=environment)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_json_refuses_what_is_no_number(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"share": float("nan")}, tmp_path / "summary.json")
    write_json({"b": 1, "a": None}, tmp_path / "summary.json")
    assert (tmp_path / "summary.json").read_text() == '{\n  "a": null,\n  "b": 1\n}\n'
