"""Folders of a synthetic run, written once."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from support.report_folders import write_bundle, write_evaluation, write_scores


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("report")
    return {
        "evaluation": write_evaluation(root / "evaluation"),
        "scores": write_scores(root / "scores"),
        "bundle": write_bundle(root / "bundle"),
    }


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are composed but not rendered, which is what takes time."""
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: None)
