"""Bundle: a trained set of models, scenarios and policy as one verified folder."""

from levercap.model.bundle import FORMAT_VERSION, Bundle, read_bundle, write_bundle
from levercap.model.snapshots import SnapshotInputs, read_snapshot, snapshot_inputs, write_snapshot

__all__ = [
    "FORMAT_VERSION",
    "Bundle",
    "SnapshotInputs",
    "read_bundle",
    "read_snapshot",
    "snapshot_inputs",
    "write_bundle",
    "write_snapshot",
]
