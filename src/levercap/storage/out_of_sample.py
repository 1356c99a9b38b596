"""Out-of-sample tables of a bundle: what its recipe forecast for days it had not been fitted on, and the outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from levercap.core.errors import BundleError
from levercap.storage.bounded import Kind, read_table, reading
from levercap.storage.bundle_files import FORMAT, FORMAT_VERSION
from levercap.storage.manifest import MANIFEST, verify
from levercap.storage.snapshot_bounds import TAIL_COLUMNS, check_instant

__all__ = ["OUTCOME_COLUMNS", "OUT_OF_SAMPLE", "read_out_of_sample"]

OUT_OF_SAMPLE: Final = "evidence"
"""Folder of the tables inside a bundle."""

OUTCOME_COLUMNS: Final[Mapping[str, Kind]] = {
    "as_of": "time",
    "symbol": "text",
    **dict.fromkeys(("realised_volatility", "long", "short", "path_long", "path_short"), "number"),
}
COLUMNS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "tails": TAIL_COLUMNS,
    "baseline_tails": TAIL_COLUMNS,
    "outcomes": OUTCOME_COLUMNS,
}


def read_out_of_sample(bundle_folder: Path) -> tuple[dict[str, pd.DataFrame], pd.Timestamp]:
    """The tables ``tails``, ``baseline_tails`` and ``outcomes`` of a verified bundle, and the end of its training.

    Raises
    ------
    BundleError
        when a file of the bundle is missing or changed, or it carries no such tables
    """
    manifest = verify(bundle_folder, FORMAT, FORMAT_VERSION)
    files = {name: bundle_folder / OUT_OF_SAMPLE / f"{name}.parquet" for name in COLUMNS}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        raise BundleError(
            f"{bundle_folder} carries no evidence ({', '.join(missing)} missing in {OUT_OF_SAMPLE}/), so it cannot be "
            "compared; train it again with `levercap train`"
        )
    tables = {name: read_table(file, COLUMNS[name]) for name, file in files.items()}
    with reading(bundle_folder / MANIFEST):
        until = pd.Timestamp(manifest["training"]["until"])
        check_instant(until, 1)
    return tables, until
