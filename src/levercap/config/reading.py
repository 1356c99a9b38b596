"""Frozen dataclasses from TOML, environment and flags; every problem is collected, none stops the search for more.

How configuration is read; what can be set stands in ``sections.py``.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from levercap.core.errors import ConfigError

__all__ = ["EntryRule", "Rule", "build", "merge", "read_environment", "read_toml", "rename_keys", "rename_nested"]

logger = logging.getLogger(__name__)

PREFIX = "LEVERCAP_"
SEPARATOR = "__"


@dataclass(frozen=True)
class Rule:
    """What a value must satisfy besides its type; goes into ``Annotated[float, Rule(...)]``.

    Attributes
    ----------
    accepts : the test; NaN must not pass it
    expected : completes the sentence "expected ..."
    """

    accepts: Callable[[Any], bool]
    expected: str


@dataclass(frozen=True)
class EntryRule:
    """What each entry of a table of named entries must satisfy; goes into ``Annotated[Mapping[str, bool], ...]``.

    Attributes
    ----------
    problem : name and value of an entry -> what is wrong with it, None when nothing is
    """

    problem: Callable[[str, Any], str | None]


def read_toml(path: Path) -> dict[str, Any]:
    """Nested dictionary of a TOML file; raises ConfigError when it is missing or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {path}; leave --config out to use the defaults") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Dotted names and values of the variables ``LEVERCAP_SECTION__KEY``; a value is read as TOML where it is some."""
    found: dict[str, Any] = {}
    for name, text in sorted(environment.items()):
        if name.startswith(PREFIX) and SEPARATOR in name:
            found[name.removeprefix(PREFIX).lower().replace(SEPARATOR, ".")] = _toml_value(text)
    return found


def rename_keys(
    values: Mapping[str, Any], aliases: Mapping[str, str], source: str | None, problems: list[str]
) -> dict[str, Any]:
    """Dotted names and values with every old name of `aliases` replaced by the present one.

    An old name is accepted with a logged hint; the old and the present name in one source is a problem. A `source` of
    None, for what a program stored, gives no hint.
    """
    found = dict(values)
    for old in aliases.keys() & values.keys():
        new = aliases[old]
        if new in values:
            problems.append(f"{old} (from {source}): the old name of {new}, which is given too; leave one out")
        else:
            if source is not None:
                logger.warning("%s (from %s) is now called %s; the old name still works", old, source, new)
            found[new] = found[old]
        del found[old]
    return found


def rename_nested(
    tree: Mapping[str, Any], aliases: Mapping[str, str], source: str | None, problems: list[str]
) -> dict[str, Any]:
    """As `rename_keys` for a nested mapping of sections, ``section.key`` by ``section.key``."""
    sections = {name: dict(value) if isinstance(value, Mapping) else value for name, value in tree.items()}
    named = {*aliases, *aliases.values()}
    flat = {
        f"{section}.{key}": value
        for section, keys in sections.items()
        if isinstance(keys, Mapping)
        for key, value in keys.items()
        if f"{section}.{key}" in named
    }
    for dotted in flat:
        section, key = dotted.split(".")
        del sections[section][key]
    for dotted, value in rename_keys(flat, aliases, source, problems).items():
        section, key = dotted.split(".")
        if isinstance(keys := sections.setdefault(section, {}), dict):  # else `build` reports the section
            keys[key] = value
    return sections


def merge(
    tree: dict[str, Any], values: Mapping[str, Any], defaults: Mapping[str, Any], source: str, problems: list[str]
) -> None:
    """Put dotted names into the nested `tree`; a name may differ in case from the key it means (``eu`` is ``EU``)."""
    for dotted, value in values.items():
        *parents, leaf = dotted.split(".")
        place: Any = tree
        known: Any = defaults
        for name in parents:
            key = _same_but_case(name, place, known)
            place = place.setdefault(key, {})
            known = known.get(key, {}) if isinstance(known, Mapping) else {}
            if not isinstance(place, dict):
                problems.append(f"{dotted} (from {source}): {key} is a value, not a table")
                break
        else:
            place[_same_but_case(leaf, place, known)] = value


def build(cls: type, tree: Any, where: str, problems: list[str], base: Any = None) -> Any:
    """Instance of the dataclass `cls` from a nested mapping over `base`, an instance or None for the class defaults.

    Problems are appended to `problems`; in their place `base` stays.
    """
    if not isinstance(tree, Mapping):
        problems.append(f"{where or 'file'}: expected a table, got {tree!r}")
        return base
    hints = get_type_hints(cls, include_extras=True)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for key, value in tree.items():
        label = f"{where}.{key}" if where else key
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(fields))}"
            problems.append(f"{label}: unknown key; {hint}")
        else:
            before = getattr(base, key) if base is not None else _default(fields[key])
            values[key] = _value(hints[key], value, label, problems, before)
    if base is not None:
        return dataclasses.replace(base, **values)
    missing = [name for name, f in fields.items() if name not in values and _required(f)]
    problems += [f"{where}: {name} is missing; write {where}.{name} = ..." for name in missing]
    return None if missing else cls(**values)


def _value(hint: Any, value: Any, label: str, problems: list[str], base: Any) -> Any:
    rules: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        rules = tuple(extras)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return build(hint, value, label, problems, base)
    if get_origin(hint) is not None:  # a mapping of named entries: what is given goes over the entry of that name
        if not isinstance(value, Mapping):
            problems.append(f"{label}: expected a table, got {value!r}")
            return base
        inner, entries = get_args(hint)[1], dict(base or {})
        given = {k: _value(inner, v, f"{label}.{k}", problems, entries.get(k)) for k, v in value.items()}
        wrong = {k: rule.problem(k, v) for rule in rules for k, v in given.items()}
        problems += [f"{label}.{k}: {text}" for k, text in wrong.items() if text is not None]
        return entries | {k: v for k, v in given.items() if wrong.get(k) is None}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        problems.append(f"{label}: expected {_name(hint)}, got {value!r}")
        return base
    for rule in rules:
        if not rule.accepts(value):
            problems.append(f"{label}: expected {rule.expected}, got {value!r}")
            return base
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _name(hint: type) -> str:
    return {"float": "a number", "int": "a whole number", "str": "a text", "bool": "true or false"}[hint.__name__]


def _same_but_case(name: str, *mappings: Any) -> str:
    keys = [key for mapping in mappings if isinstance(mapping, Mapping) for key in mapping]
    return name if name in keys else next((key for key in keys if key.lower() == name.lower()), name)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
