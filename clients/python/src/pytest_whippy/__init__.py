"""A Whippy Ware Stock API of its own for every test, which judges the client too.

The fixtures are `whippy` and `async_whippy`. The names exported here annotate them, and
`Mistakes` is the exception that a test fails with whose client made some.
"""

from pytest_whippy.admin import WhippyError
from pytest_whippy.async_whippy import AsyncClock, AsyncWhippy
from pytest_whippy.findings import FailOn, Finding, Level
from pytest_whippy.plugin import Mistakes
from pytest_whippy.server import Server
from pytest_whippy.whippy import Clock, Faults, Reading, Whippy, World

__all__ = [
    "AsyncClock",
    "AsyncWhippy",
    "Clock",
    "FailOn",
    "Faults",
    "Finding",
    "Level",
    "Mistakes",
    "Reading",
    "Server",
    "Whippy",
    "WhippyError",
    "World",
]
