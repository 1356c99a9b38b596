"""A folder is what it was when it was written, or it is refused with everything that is wrong."""

import json

import pytest

from levercap.core.errors import BundleError
from levercap.storage.manifest import MANIFEST, verify, write_manifest

FORMAT = "levercap-bundle"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.txt").write_text("tree")
    (tmp_path / "card.md").write_text("# card")
    write_manifest(tmp_path, {"data_hash": "d", "nested": {"b": [1, 2.5], "a": None}}, 1)
    return tmp_path


def problems(folder, format=FORMAT, version=1):
    with pytest.raises(BundleError) as caught:
        verify(folder, format, version)
    return str(caught.value)


def test_what_was_written_is_verified_and_handed_back(folder):
    manifest = verify(folder, FORMAT, 1)
    assert manifest["data_hash"] == "d"
    assert manifest["nested"] == {"a": None, "b": [1, 2.5]}
    assert set(manifest["files"]) == {"models/a.txt", "card.md"}
    assert {"python", "levercap", "numpy", "pandas", "lightgbm", "scikit-learn", "pyarrow"} == set(manifest["packages"])
    assert "missing" not in manifest["packages"].values()


def test_id_depends_on_content_and_files_and_on_nothing_else(folder, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("elsewhere")
    (other / "card.md").write_text("# card")
    (other / "models").mkdir()
    (other / "models" / "a.txt").write_text("tree")
    monkeypatch.setattr("levercap.storage.manifest.package_versions", lambda: {"python": "9.9"})
    same = write_manifest(other, {"nested": {"a": None, "b": [1, 2.5]}, "data_hash": "d"}, 1)
    assert same == json.loads((folder / MANIFEST).read_text())["id"]
    assert len(same) == 16
    assert write_manifest(other, {"data_hash": "e"}, 1) != same
    (other / "card.md").write_text("# Card")
    assert write_manifest(other, {"nested": {"a": None, "b": [1, 2.5]}, "data_hash": "d"}, 1) != same


def test_every_problem_is_named_at_once(folder):
    (folder / "card.md").write_text("# another card")
    (folder / "models" / "a.txt").unlink()
    (folder / "models" / "b.txt").write_text("stowaway")
    text = problems(folder)
    assert "card.md: changed since it was written" in text
    assert "models/a.txt: missing" in text
    assert "models/b.txt: not in the manifest" in text


def test_many_problems_are_counted(folder):
    for i in range(30):
        (folder / f"extra-{i:02d}").write_text("")
    text = problems(folder)
    assert "extra-19" in text
    assert "extra-20" not in text
    assert "10 more" in text


def test_one_flipped_bit_is_found(folder):
    path = folder / "models" / "a.txt"
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))
    assert "models/a.txt: changed" in problems(folder)


@pytest.mark.parametrize(
    ("has", "cure"), [(2, "install a newer levercap"), (0, "write it again"), ("x", "write it again")]
)
def test_other_version_says_what_to_do(folder, has, cure):
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format_version": has}))
    text = problems(folder)
    assert repr(has) in text
    assert "this code reads 1" in text
    assert cure in text


def test_other_format_is_refused(folder):
    assert "'levercap-bundle', expected 'levercap-snapshot'" in problems(folder, "levercap-snapshot")


def test_edited_manifest_is_found(folder):
    path = folder / MANIFEST
    path.write_text(path.read_text().replace('"data_hash": "d"', '"data_hash": "e"'))
    assert f"{MANIFEST}: changed" in problems(folder)


def test_missing_and_unreadable_manifest(folder, tmp_path_factory):
    assert "is not a folder" in problems(folder / "nowhere")
    assert f"has no {MANIFEST}" in problems(tmp_path_factory.mktemp("empty"))
    for text in ('{"files": {', "[]", "{}", '{"files": 3}'):
        (folder / MANIFEST).write_text(text)
        assert MANIFEST in problems(folder)
    (folder / MANIFEST).write_bytes(b"\xff\xfe\x00")
    assert "not readable JSON" in problems(folder)


def test_links_out_of_the_folder_are_refused(folder, tmp_path_factory):
    secret = tmp_path_factory.mktemp("outside") / "card.md"
    secret.write_text("# card")
    (folder / "card.md").unlink()
    (folder / "card.md").symlink_to(secret)
    assert "card.md: a symbolic link" in problems(folder)


def test_content_may_not_pose_as_the_manifest(folder):
    with pytest.raises(ValueError, match="files"):
        write_manifest(folder, {"files": {}}, 1)
    with pytest.raises(ValueError, match="JSON compliant"):
        write_manifest(folder, {"score": float("nan")}, 1)
