"""Descriptions of features: name, meaning, unit, source, tables needed and publication lag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Description", "described"]

SPOKEN = {"h": "hours", "d": "days"}


@dataclass(frozen=True)
class Description:
    """One column of the feature table.

    Attributes
    ----------
    name : column name
    meaning : what it measures
    unit : unit of its values
    source : where its formula or its use comes from; empty for our own
    needs : tables of the market folder it is made of; without them there is no such column
    lag_hours : hours after its stamp from which a value of those tables is used; bars are known at their close
    """

    name: str
    meaning: str
    unit: str
    source: str = ""
    needs: tuple[str, ...] = ("bars",)
    lag_hours: int = 0


def described(
    pattern: str,
    labels: Iterable[str],
    meaning: str,
    unit: str,
    source: str = "",
    needs: tuple[str, ...] = ("bars",),
    lag_hours: int = 0,
) -> tuple[Description, ...]:
    """One description per label such as ``24h``: `{}` is the label in the name and ``24 hours`` in the meaning."""
    return tuple(
        Description(pattern.format(label), meaning.format(_spoken(label)), unit, source, needs, lag_hours)
        for label in labels
    )


def _spoken(label: str) -> str:
    return f"{label[:-1]} {SPOKEN[label[-1]]}" if label[:-1].isdigit() and label[-1] in SPOKEN else label
