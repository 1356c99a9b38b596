import json

import pytest

from levercap.core.errors import ConfigError
from levercap.storage.atomic import atomic_folder
from levercap.storage.manifest import write_manifest
from levercap.storage.ownership import MARKER, SUCCESS, foreign_files, is_marked, require_ours, write_marker


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_the_marker_names_kind_format_and_files(tmp_path):
    put(tmp_path, "b.txt", "deep/a.txt")
    write_marker(tmp_path)
    stated = json.loads((tmp_path / MARKER).read_text())
    assert stated == {"kind": "levercap-output", "format": 1, "files": ["b.txt", "deep/a.txt"]}
    assert is_marked(tmp_path)
    assert foreign_files(tmp_path) == []
    put(tmp_path, SUCCESS, "report.html", "c.txt")
    (tmp_path / "link").symlink_to(tmp_path / "b.txt")
    assert foreign_files(tmp_path) == ["c.txt", "link"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "other", "files": ["a.txt"]}', '{"kind": "levercap-output"}']
)
def test_a_marker_of_someone_else_is_none(tmp_path, text):
    put(tmp_path, "a.txt")
    (tmp_path / MARKER).write_text(text)
    assert not is_marked(tmp_path)
    with pytest.raises(ConfigError, match=r"a.txt"):
        require_ours(tmp_path)


def test_an_artefact_is_owned_by_its_manifest(tmp_path):
    with atomic_folder(tmp_path / "out", marker=None) as building:
        put(building, "models/a.json")
        write_manifest(building, {}, 1)
    assert foreign_files(tmp_path / "out") == []
    assert not (tmp_path / "out" / MARKER).exists()
    put(tmp_path / "out", "models/notes.txt")
    with pytest.raises(ConfigError, match=r"models/notes.txt"):
        require_ours(tmp_path / "out")


def test_complete_folders_of_earlier_versions_are_known_by_their_names(tmp_path):
    known = (
        "limits.parquet",
        "symbol_limits.parquet",
        "summary.json",
        "snapshot/MANIFEST.json",
        "snapshot/tails.parquet",
    )
    put(tmp_path, SUCCESS, *known)
    require_ours(tmp_path)
    put(tmp_path, "my.parquet", "snapshot/deep/limits.parquet")
    assert foreign_files(tmp_path) == ["my.parquet", "snapshot/deep/limits.parquet"]
    (tmp_path / SUCCESS).unlink()
    assert len(foreign_files(tmp_path)) == len(known) + 2


def test_an_error_names_some_and_counts_the_rest(tmp_path):
    put(tmp_path, *(f"f{i}.txt" for i in range(1200)))
    with pytest.raises(ConfigError, match=r"f0.txt, f1.txt, f10.txt, f100.txt, f1000.txt and 1,195 more"):
        require_ours(tmp_path)
    require_ours(tmp_path / "not_there")
