"""The pytest plugin: options, the marker, the fixtures, and what becomes of a test.

A test's world is judged when the test has passed. One that failed keeps its world, and
its report shows what the client asked.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_whippy.admin import WhippyError
from pytest_whippy.findings import FailOn, read_fail_on, verdict
from pytest_whippy.server import Server, find_binary
from pytest_whippy.whippy import Whippy

MARKER = "whippy"
MARKER_ARGUMENTS = ("world", "readings", "fail_on")
FAIL_ON = "whippy_fail_on"


@dataclass
class Trial:
    """A test's world, and how the test fared so far."""

    whippy: Whippy
    fail_on: FailOn
    has_passed: bool = False
    has_failed: bool = False
    story: str | None = None
    """For the report of the test's end, which is written when the server may be gone."""


TRIAL = pytest.StashKey[Trial]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and the setting."""
    group = parser.getgroup("whippy", "a Whippy Ware for every test")
    group.addoption(
        "--whippy-binary",
        metavar="PATH",
        help="the whippy-mock to run (default: that of the wheel, else that on the PATH)",
    )
    group.addoption(
        "--whippy-world",
        metavar="NAME|FILE",
        help="what the worlds of tests start with (default: documented)",
    )
    parser.addini(
        FAIL_ON,
        "the level from which on findings fail a test: note, warning, error or never",
        default="warning",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuses a level that is none, before any test runs."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(world=..., readings={{...}}, fail_on=...): what the test's world starts "
        "with, the readings that hold in it, and from which level on findings fail the "
        "test; a test that bears it has the fixture `whippy`",
    )
    try:
        read_fail_on(config.getini(FAIL_ON))
    except ValueError as error:
        raise pytest.UsageError(f"{FAIL_ON}: {error}") from None


@pytest.fixture(scope="session")
def whippy_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server process of this session; under pytest-xdist of this worker."""
    world = pytestconfig.getoption("whippy_world")
    try:
        binary = find_binary(pytestconfig.getoption("whippy_binary"))
        server = Server(binary, [] if world is None else ["--world", world])
    except WhippyError as error:
        pytest.fail(f"whippy: {error}", pytrace=False)
    yield server
    server.stop()


@pytest.fixture
def whippy(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    whippy_server: Server,
) -> Iterator[Whippy]:
    """A Whippy Ware of the test's own; what its client gets wrong fails the test."""
    item = request.node
    arguments = marked(item)
    try:
        fail_on = read_fail_on(arguments.get("fail_on", item.config.getini(FAIL_ON)))
        whippy = Whippy(
            whippy_server,
            whippy_server.new_world(item.nodeid),
            seed=arguments.get("world"),
            readings=arguments.get("readings"),
        )
    except (WhippyError, OSError, ValueError) as error:
        pytest.fail(f"whippy: {error}", pytrace=False)
    trial = item.stash[TRIAL] = Trial(whippy, fail_on)
    monkeypatch.setenv("WHIPPY_URL", whippy.url)
    monkeypatch.setenv("WHIPPY_TOKEN", whippy.token)
    yield whippy
    if trial.has_failed:
        return
    if trial.has_passed:
        judge(trial)
    whippy.drop()


@pytest.fixture(autouse=True)
def _whippy_of_marker(request: pytest.FixtureRequest) -> None:
    """Gives a test that bears the marker its world, though it does not name the fixture."""
    if request.node.get_closest_marker(MARKER) is not None:
        request.getfixturevalue("whippy")


def marked(item: pytest.Item) -> dict[str, Any]:
    """The arguments of the markers of a test; the closest marker that has one wins."""
    arguments: dict[str, Any] = {}
    for marker in item.iter_markers(MARKER):
        unknown = [name for name in marker.kwargs if name not in MARKER_ARGUMENTS]
        if marker.args or unknown:
            said = ", ".join([*map(repr, marker.args), *unknown])
            taken = ", ".join(MARKER_ARGUMENTS)
            pytest.fail(
                f"@pytest.mark.{MARKER} does not take {said}; it takes {taken}, each by "
                "its name",
                pytrace=False,
            )
        arguments = {**marker.kwargs, **arguments}
    return arguments


def judge(trial: Trial) -> None:
    """Fails a test whose client made mistakes."""
    if trial.fail_on == "never":
        return
    try:
        why = verdict(trial.whippy.findings(), trial.fail_on)
    except WhippyError as error:
        why = (
            f"whippy: the client could not be judged: {error}\n\nWith {FAIL_ON} = never "
            "nobody asks for findings."
        )
    if why is not None:
        trial.story = tell(trial.whippy)
        pytest.fail(why, pytrace=False)


def tell(whippy: Whippy) -> str:
    """What a client asked, or why that cannot be told."""
    try:
        return whippy.story()
    except WhippyError as error:
        return f"the journal cannot be read: {error}"


def tell_findings(trial: Trial) -> str | None:
    """What else the client got wrong in a test that failed for another reason."""
    try:
        return verdict(trial.whippy.findings(), trial.fail_on)
    except WhippyError:
        # The test has failed; that its client could not be judged changes nothing.
        return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes how a test fared, and puts its client's story into the report of a failure."""
    report = yield
    trial = item.stash.get(TRIAL, None)
    if trial is None:
        return report
    if call.when == "teardown":
        if trial.story is not None:
            report.sections.append(("whippy", trial.story))
        del item.stash[TRIAL]
    elif report.failed:
        trial.has_failed = True
        report.sections.append(("whippy", tell(trial.whippy)))
        findings = tell_findings(trial)
        if findings is not None:
            report.sections.append(("whippy findings", findings))
    elif call.when == "call":
        trial.has_passed = report.passed
    return report
