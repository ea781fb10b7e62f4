"""A Whippy Ware Stock API of its own for every test, which judges the client too.

The fixture is `whippy`; what is exported here is for annotations.
"""

from pytest_whippy.admin import WhippyError
from pytest_whippy.findings import Finding, Level
from pytest_whippy.server import Server
from pytest_whippy.whippy import Clock, Whippy

__all__ = ["Clock", "Finding", "Level", "Server", "Whippy", "WhippyError"]
