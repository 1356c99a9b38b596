"""Output folders: whole or not at all, whatever happens; the same frame, the same bytes."""

import itertools
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from levercap.core.errors import ConfigError
from levercap.storage.atomic import SUCCESS, atomic_file, atomic_folder, write_json
from levercap.storage.ownership import MARKER
from levercap.storage.tables import write_parquet


def doomed_file(target):
    """Write half of the file `target` and die."""
    with atomic_file(target) as building:
        building.write_text("ha")
        os.kill(os.getpid(), signal.SIGKILL)


def doomed(moment, target):
    """Write `target` and die at `moment` by a signal that no handler sees; runs in a process of its own."""
    rename, rmtree, moves = Path.rename, shutil.rmtree, []

    def die_at(name):
        if moment == name:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(self, to):
        die_at(f"before_rename_{len(moves)}")
        moves.append(rename(self, to))
        die_at(f"after_rename_{len(moves) - 1}")
        return moves[-1]

    def halfway(folder):
        if str(folder).endswith("replaced"):
            sorted(Path(folder).iterdir())[0].unlink()
            die_at("deleting_old")
        rmtree(folder)

    Path.rename, shutil.rmtree = counted, halfway
    with atomic_folder(target) as building:
        (building / "a.txt").write_text("new")
        die_at("between_files")
        if moment == "slowly":
            time.sleep(0.2)
        (building / "b.txt").write_text("new")
        die_at("before_marker")


def forever(target):
    """Write `target` again and again, each time with another text in both files."""
    for i in itertools.count():
        write(target, str(i))


def start(work, *arguments):
    """Process id of a fork that does `work`."""
    pid = os.fork()
    if pid == 0:
        try:
            work(*arguments)
            os._exit(0)
        except BaseException:
            os._exit(1)
    return pid


def end(pid):
    """Exit code of a fork, negative when a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


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
    return {p.name: p.read_text() for p in sorted(folder.iterdir()) if p.name != MARKER} if folder.exists() else None


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
    code = end(start(doomed, moment, target))
    reached = before is not None or moment not in {"after_rename_1", "before_rename_1", "deleting_old"}
    assert code == (-signal.SIGKILL if reached else 0)
    assert content(target) in (None, whole("new"), *([whole(before)] if before is not None else []))
    write(target, "newer")
    assert content(target) == whole("newer")
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_old_output_comes_back_when_the_next_run_fails_too(tmp_path):
    target = tmp_path / "out"
    write(target, "old")
    assert end(start(doomed, "after_rename_0", target)) == -signal.SIGKILL
    assert content(target) is None
    with pytest.raises(RuntimeError), atomic_folder(target):
        raise RuntimeError
    assert content(target) == whole("old")


def test_a_writer_killed_by_the_clock_at_random_moments(tmp_path):
    target = tmp_path / "out"
    rng = np.random.default_rng(3)
    for _ in range(20):
        pid = start(forever, target)
        time.sleep(float(rng.uniform(0.005, 0.05)))
        os.kill(pid, signal.SIGKILL)
        assert end(pid) == -signal.SIGKILL
        found = content(target)
        assert found is None or found == whole(found["a.txt"])
    write(target, "last")
    assert content(target) == whole("last")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_error_inside_leaves_the_old_output(tmp_path):
    target = tmp_path / "deep" / "out"
    write(target, "old")

    def interrupted():
        with atomic_folder(target) as building:
            (building / "a.txt").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert content(target) == whole("old")
    assert [p.name for p in target.parent.iterdir()] == ["out"]


def test_two_writers_take_turns(tmp_path):
    target = tmp_path / "out"
    assert [end(pid) for pid in [start(doomed, "slowly", target) for _ in range(2)]] == [0, 0]
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


def test_json_refuses_what_is_no_number(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json({"share": float("nan")}, tmp_path / "summary.json")
    write_json({"b": 1, "a": None}, tmp_path / "summary.json")
    assert (tmp_path / "summary.json").read_text() == '{\n  "a": null,\n  "b": 1\n}\n'


@pytest.mark.parametrize("marker", ["_SUCCESS", None])
@pytest.mark.parametrize(
    "beside", [(), ("_SUCCESS",), ("MANIFEST.json",), (".levercap",), ("_SUCCESS", "limits.parquet")]
)
def test_what_was_not_written_by_us_is_never_deleted(tmp_path, marker, beside):
    notes = tmp_path / "precious" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("years of work")
    for name in beside:
        (notes.parent / name).write_text("{}")
    with pytest.raises(ConfigError, match="would delete them"), atomic_folder(notes.parent, marker):
        pass
    with pytest.raises(ConfigError, match="is a file"), atomic_folder(notes, marker):
        pass
    assert notes.read_text() == "years of work"


def test_a_file_put_into_an_output_folder_is_never_deleted(tmp_path):
    target = tmp_path / "out"
    write(target, "old")
    (target / "deep").mkdir()
    (target / "deep" / "notes.txt").write_text("years of work")
    with pytest.raises(ConfigError, match=r"deep/notes.txt"):
        write(target, "new")
    shutil.rmtree(target / "deep")
    with pytest.raises(ConfigError, match=r"late.txt"), atomic_folder(target):
        (target / "late.txt").write_text("put there while we computed")
    assert content(target)["a.txt"] == "old"
    (target / "late.txt").unlink()
    write(target, "new")
    assert content(target) == whole("new")


def test_files_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        with atomic_folder(tmp_path / "deep" / "out") as building:
            (building / "sub").mkdir()
            (building / "sub" / "a.txt").write_text("x")
    finally:
        os.umask(before)
    out = tmp_path / "deep" / "out"
    modes = {p: p.stat().st_mode & 0o777 for p in (tmp_path / "deep", out, out / "sub", *out.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_leftovers_of_other_folders_are_cleaned_and_foreign_siblings_stay(tmp_path):
    """Each night writes another folder: what a kill left beside it goes, an old output that was moved aside returns."""
    first, second, third = (tmp_path / f"as_of=2025-06-{day}T00" for day in (28, 29, 30))
    write(first, "old")
    assert end(start(doomed, "after_rename_0", first)) == -signal.SIGKILL
    assert end(start(doomed, "between_files", second)) == -signal.SIGKILL
    foreign = tmp_path / ".mine.levercap-writing"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("years of work")
    write(third, "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == [foreign.name, first.name, third.name]
    assert content(first) == whole("old")
    assert (foreign / "notes.txt").read_text() == "years of work"


@pytest.mark.parametrize("text", [None, "", '{"kind": "lev'])
def test_a_writer_killed_before_its_marker_was_whole_leaves_nothing_in_the_way(tmp_path, text):
    left = tmp_path / ".out.levercap-writing"
    left.mkdir()
    if text is not None:
        (left / MARKER).write_text(text)
    write(tmp_path / "out", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_folder(tmp_path / "link") as building:
        (building / "x").write_text("1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "x").read_text() == "1"


def test_a_file_is_replaced_whole_private_and_alone(tmp_path):
    target = tmp_path / "deep" / "table.parquet"
    for text in ("first", "second"):
        with atomic_file(target) as building:
            building.write_text(text)
        assert target.read_text() == text
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UnicodeEncodeError), atomic_file(target) as building:
        building.write_text("third \ud800", encoding="utf-8")
    assert target.read_text() == "second"
    assert list(target.parent.iterdir()) == [target]


def test_a_writer_of_a_file_that_was_killed_leaves_nothing_to_the_next(tmp_path):
    target = tmp_path / "table.parquet"
    process = start(doomed_file, target)
    assert end(process) == -signal.SIGKILL
    assert not target.exists()
    with atomic_file(target) as building:
        building.write_text("whole")
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    with pytest.raises(ConfigError, match="is a folder"), atomic_file(tmp_path):
        pass
