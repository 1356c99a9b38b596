"""Bundle: a trained set of models, scenarios and policy as one verified folder."""

from levercap.model.bundle import Bundle, read_bundle, write_bundle
from levercap.model.snapshots import SnapshotInputs, snapshot_inputs

__all__ = [
    "Bundle",
    "SnapshotInputs",
    "read_bundle",
    "snapshot_inputs",
    "write_bundle",
]
