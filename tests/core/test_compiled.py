"""Compiled code is kept only where nobody else can put code of their own."""

import os

import pytest

from levercap.core.compiled import compiled, is_private


def double(x):
    return 2.0 * x


@pytest.mark.parametrize(("mode", "private"), [(0o700, True), (0o755, True), (0o777, False), (0o1777, False)])
def test_a_folder_is_private_when_others_cannot_write_to_it_or_above_what_is_missing(tmp_path, mode, private):
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    assert is_private(folder) is private
    assert is_private(folder / "not" / "yet") is private


def test_a_group_may_write_only_when_it_is_ones_own(tmp_path, monkeypatch):
    tmp_path.chmod(0o770)
    monkeypatch.setattr(os, "getgid", lambda: tmp_path.stat().st_gid)
    assert is_private(tmp_path)
    monkeypatch.setattr(os, "getgid", lambda: tmp_path.stat().st_gid + 1)
    assert not is_private(tmp_path)


def test_another_owner_is_not_trusted(tmp_path, monkeypatch):
    if tmp_path.stat().st_uid == 0:
        os.chown(tmp_path, 12345, -1)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert not is_private(tmp_path)


@pytest.mark.parametrize(("mode", "kept"), [(0o700, True), (0o777, False)])
def test_a_cache_open_to_others_is_not_used(tmp_path, monkeypatch, mode, kept):
    tmp_path.chmod(mode)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))
    assert compiled(double)(3.0) == 6.0
    assert any(tmp_path.iterdir()) is kept
