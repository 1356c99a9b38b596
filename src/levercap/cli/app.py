"""`levercap`: parse, run one verb, print its result, end with the right exit code."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import levercap
from levercap.cli import data, inspect, limits, model
from levercap.cli.arguments import Parser
from levercap.cli.result import envelope, failure_envelope
from levercap.core.errors import ConfigError, LevercapError
from levercap.core.text import escaped_lines

__all__ = ["build_parser", "main"]

INTERNAL = 70
INTERRUPTED = 130

EPILOG = """\
exit codes: 0 ok, 1 a gate failed, 2 usage or configuration, 3 input data, 4 model or registry, 70 internal
results go to stdout, logs and progress to stderr; dates are UTC
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json, verbose = "--json" in arguments, bool({"-v", "--verbose"} & set(arguments))
    try:
        flags = build_parser().parse_args(arguments)
        with _logging(flags.quiet, flags.verbose):
            result = flags.command(flags)
        print(envelope(result) if flags.json else result.text, flush=True)
        return int(result.exit_code)
    except BrokenPipeError:  # the reader of stdout has enough, as in `levercap ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except LevercapError as error:
        _say(error, str(error), error.exit_code, as_json)
        return error.exit_code
    except Exception as error:
        if verbose:
            traceback.print_exc()
        if isinstance(error, OSError) and error.errno is not None:  # a path that cannot be read or written
            refused = ConfigError(_path_problem(error))
            _say(refused, str(refused), refused.exit_code, as_json)
            return refused.exit_code
        hint = "" if verbose else " (run again with -v for the traceback)"
        _say(error, f"internal error: {type(error).__name__}: {error}{hint}", INTERNAL, as_json)
        return INTERNAL


def build_parser() -> Parser:
    """The parser of all verbs."""
    parser = Parser(
        prog="levercap",
        description=levercap.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"levercap {levercap.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=Parser)
    for group in (data, model, limits, inspect):
        group.register(verbs)
    return parser


def _path_problem(error: OSError) -> str:
    """Path and reason in one line; libraries that name no path have it in their message."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error.strerror or error).splitlines()[0]


def _say(error: BaseException, message: str, exit_code: int, as_json: bool) -> None:
    print(f"levercap: {escaped_lines(message)}", file=sys.stderr)
    if as_json:
        print(failure_envelope(error, exit_code), flush=True)


@contextmanager
def _logging(quiet: bool, verbose: bool) -> Iterator[None]:
    """Messages of this package to stderr while a verb runs; other packages' only when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s" if verbose else "%(message)s"))
    log = logging.getLogger("levercap")
    log.addHandler(handler)
    log.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
