"""Runs every benchmark, prints its figures and appends them to ``benchmarks/results.csv``.

    python benchmarks/run.py [--size full|tiny]

The tiny size only shows that the benchmarks still run; its figures mean nothing and are not kept.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from prediction import measure_prediction
from risk_kernel import measure_kernel
from scoring import measure_import, measure_loading, measure_scoring, prepare
from sizes import SIZES, Size

RESULTS = Path(__file__).parent / "results.csv"


def measure(size: Size) -> dict[str, float]:
    """Every figure by name."""
    figures = measure_kernel(size) | measure_prediction(size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(size, folder)
        for benchmark in (measure_scoring, measure_loading, measure_import):
            figures |= benchmark(size, folder)
    return figures


def provenance() -> dict[str, str]:
    """When, of which commit and on what machine."""
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": commit or "unknown",
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def append(path: Path, line: Mapping[str, str]) -> None:
    """Append a line; a column that the file lacks is added to it, earlier lines leave it empty."""
    earlier: list[dict[str, str]] = []
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            earlier = list(csv.DictReader(file))
    columns = list(dict.fromkeys([*(earlier[0] if earlier else ()), *line]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*earlier, line])


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="full")
    size = parser.parse_args().size
    figures = measure(SIZES[size])
    for name, value in figures.items():
        print(f"{name:<36}{value:>14,.0f}" if value >= 100 else f"{name:<36}{value:>14.3f}")
    if size == "full":
        append(RESULTS, provenance() | {name: f"{value:.4g}" for name, value in figures.items()})
        print(f"appended to {RESULTS}")


if __name__ == "__main__":
    main()
