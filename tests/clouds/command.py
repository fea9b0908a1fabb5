"""The command line of the simulated clouds, behind `python -m tests.clouds` and `manage simulate_clouds`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from tests.clouds.credentials import KNOWN
from tests.clouds.server import DEFAULT_IMAGES, run
from tests.clouds.service import Service
from tests.clouds.world import World


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_natural, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--images", type=_natural, default=DEFAULT_IMAGES, help="images of each listing in its largest region"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same images")
    parser.add_argument("--state", type=Path, help="file that keeps what AddImage added")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--json", action="store_true", help='print {"url": ...} instead of the URL')


def simulate(options: argparse.Namespace) -> int:
    """Serve until a signal; the URL is one line on stdout. 0, or 1 with the reason in one line on stderr."""

    def ready(url: str) -> None:
        print(orjson.dumps({"url": url}).decode() if options.json else url, flush=True)

    try:
        world = World(options.images, options.seed, options.state)
    except (ValueError, KeyError, AttributeError, TypeError):
        return _complain(f"{options.state} is not a state file of the simulator")
    except OSError as failure:
        return _complain(f"{options.state}: {failure.strerror}")
    try:
        run(Service(world, KNOWN, options.latency), options.port, ready)
    except (OSError, OverflowError) as failure:
        return _complain(f"cannot listen on port {options.port}: {failure}")
    return 0


def _complain(sentence: str) -> int:
    print(f"simulate_clouds: {sentence}", file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="simulate_clouds", description="Simulated clouds on loopback.")
    add_arguments(parser)
    return simulate(parser.parse_args(arguments))
