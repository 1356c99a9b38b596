"""The frame of the command line: help, usage errors, exit codes, the JSON envelope, what goes to which stream."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import levercap
from levercap.cli import inspect
from levercap.cli.app import build_parser, main
from levercap.config import Config
from levercap.core.errors import (
    BundleError,
    ConfigError,
    DataError,
    Finding,
    GateFailed,
    LevercapError,
    ModelError,
    RegistryError,
    Severity,
)

VERBS = ("simulate", "validate", "features", "train", "evaluate", "forecast", "promote", "score", "replay", "explain",
         "report", "show-config")  # fmt: skip
HEAVY = ("numpy", "pandas", "pyarrow", "lightgbm", "sklearn", "numba", "mlflow", "matplotlib", "scipy", "tqdm")


LEVERCAP = (sys.executable, "-m", "levercap")


@pytest.mark.parametrize("statement", ["import levercap", "from levercap.cli.app import build_parser; build_parser()"])
def test_nothing_heavy_is_imported_by(statement: str) -> None:
    code = f"import sys; {statement}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in VERBS)])
def test_help_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 0
    out = capsys.readouterr().out
    assert "usage: levercap" in out
    if len(arguments) == 1:
        assert all(f"\n    {verb}" in out for verb in VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"levercap {levercap.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "required: VERB"),
        (["scroe"], "scroe: did you mean score?"),
        (["score", "--bundel", "x"], "--bundel: did you mean --bundle?"),
        (["show-config", "--confg=x.toml"], "--confg=x.toml: did you mean --config?"),
        (["show-config", "more"], "unrecognized arguments: more"),
        (["show-config", "-q", "-v"], "not allowed with"),
        (["show-config", "--seed", "one"], "invalid int value: 'one'"),
        (["score", "--as-of", "30.6.2025"], "'30.6.2025' is not a date; write 2025-06-30"),
        (["score", "--as-of", "2025-06-30T00:30"], "is not a full hour"),
        (["forecast", "--every", "1w"], "'1w' is not a number of hours or days; write 24h or 90d"),
        (["report", "--out", "x.html"], "nothing to report on"),
        (["validate", "--accounts", "x.csv"], "belong together"),
        (["validate"], "levercap validate --market FOLDER"),
        (["show-config", "--config", "nowhere.toml"], "no configuration file nowhere.toml"),
    ],
)
def test_usage_errors_end_with_2_and_say_what_to_write(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.out == ""


def test_instants_are_utc_full_hours() -> None:
    parse = build_parser().parse_args
    common = ["score", "--bundle", "b", "--market", "m", "--accounts", "a", "--positions", "p", "--out", "o", "--as-of"]
    texts = ["2025-06-30", "2025-06-30T00", "2025-06-30T00:00Z", "2025-06-30T02:00+02:00"]
    moments = {parse([*common, text]).as_of.isoformat() for text in texts}
    assert moments == {"2025-06-30T00:00:00+00:00"}


FINDING = Finding(
    "duplicate_bars", Severity.FATAL, "bars.csv: timestamp", "bars given twice", 3, ("row 1", "row 2"), "one"
)


@pytest.mark.parametrize(
    ("error", "code", "status", "name"),
    [
        (GateFailed("not better"), 1, "fail", "gate_failed"),
        (ConfigError("no such key"), 2, "error", "config_error"),
        (DataError("cannot be used", [FINDING]), 3, "error", "data_error"),
        (RegistryError("no such alias"), 4, "error", "registry_error"),
        (BundleError("changed"), 4, "error", "bundle_error"),
        (ModelError("not finite"), 4, "error", "model_error"),
        (LevercapError("odd"), 70, "error", "internal_error"),
        (ZeroDivisionError("division by zero"), 70, "error", "internal_error"),
        (MemoryError(), 70, "error", "internal_error"),
    ],
)
def test_errors_end_with_their_code_and_keep_the_envelope(
    error: Exception,
    code: int,
    status: str,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(inspect, "config_of", fail)
    assert main(["show-config", "--json"]) == code
    captured = capsys.readouterr()
    envelope = json.loads(captured.out)
    assert set(envelope) == {"version", "status", "data", "diagnostics"}
    assert envelope["status"] == status
    assert envelope["diagnostics"][0]["message"]
    assert envelope["diagnostics"][0]["code"] == name
    assert captured.err.startswith("levercap: ")
    if isinstance(error, DataError):
        assert "row 2" in captured.err
        assert (envelope["diagnostics"][0]["where"], envelope["diagnostics"][0]["hint"]) == (FINDING.where, "one")
        assert envelope["diagnostics"][1]["count"] == 3
        assert {"code", "message", "hint", "where"} <= set(envelope["diagnostics"][1])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (IsADirectoryError(21, "Is a directory", "some/folder"), "levercap: some/folder: Is a directory\n"),
        (PermissionError(13, "Permission denied", Path("x")), "levercap: x: Permission denied\n"),
        (OSError(28, "cannot write 'x.parquet': No space left"), "levercap: cannot write 'x.parquet': No space left\n"),
    ],
)
def test_paths_that_cannot_be_used_are_usage_errors(
    error: OSError, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(inspect, "config_of", fail)
    assert main(["show-config", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.err == message
    assert json.loads(captured.out)["diagnostics"][0]["code"] == "config_error"


def test_an_error_of_the_system_without_a_number_is_internal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the socket is odd")  # as libraries raise for what is no path

    monkeypatch.setattr(inspect, "config_of", fail)
    assert main(["show-config"]) == 70


def test_traceback_only_when_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(inspect, "config_of", fail)
    assert main(["show-config"]) == 70
    short = capsys.readouterr().err
    assert short.count("\n") == 1
    assert "-v" in short
    assert main(["show-config", "-v"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inspect, "config_of", interrupt)
    assert main(["show-config"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_closed_stdout_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*LEVERCAP, "show-config"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_show_config_is_toml_that_reads_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show-config", "--seed", "11"]) == 0
    first = capsys.readouterr().out
    (tmp_path / "x.toml").write_text(first)
    assert main(["show-config", "--config", str(tmp_path / "x.toml")]) == 0
    assert capsys.readouterr().out == first
    assert first.count("seed = 11") == 4
    assert Config().config_hash() not in first


def test_show_config_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show-config", "--json"]) == 0
    captured = capsys.readouterr()
    envelope = json.loads(captured.out)
    assert captured.err == ""
    assert envelope["status"] == "pass"
    assert envelope["version"] == levercap.__version__
    assert envelope["data"]["config_hash"] == Config().config_hash()
    assert envelope["data"]["config"] == Config().as_dict()
