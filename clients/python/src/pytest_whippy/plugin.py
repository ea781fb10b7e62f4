"""The pytest plugin: options, the marker, the fixtures, and the judgement of each test.

A test that passed is judged before its call ends, so findings are its failure like any
other: `xfail` expects them, and they are reported once. The end of the test is judged
again, for the fixtures that use the client when they end. A test that failed keeps its
world, and its report shows the requests of its client.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pytest_whippy.admin import WhippyError
from pytest_whippy.async_whippy import AsyncWhippy
from pytest_whippy.findings import (
    Finding,
    Standard,
    read_fail_on,
    read_ignore,
    verdict,
)
from pytest_whippy.server import URL, Server, StartedServer, find_binary, running_server
from pytest_whippy.summary import Summary, attach, record
from pytest_whippy.whippy import Whippy, World

MARKER = "whippy"
MARKER_ARGUMENTS = ("world", "reading", "faults", "ignore", "fail_on")
FAIL_ON = "whippy_fail_on"


class Mistakes(pytest.fail.Exception):  # type: ignore[name-defined,misc]
    """The failure of a test that passed and whose client made mistakes.

    `@pytest.mark.xfail(raises=Mistakes, strict=True)` expects it, and nothing else.
    """

    # pytest does the same for its own: the summary shows the name without a module.
    __module__ = "builtins"

    def __init__(self, sentence: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(sentence, pytrace=False)
        self.findings = tuple(findings)


@dataclass
class Trial:
    """A test's world, and the state of its judgement."""

    whippy: Whippy
    standard: Standard
    server: Server
    has_passed: bool = False
    has_failed: bool = False
    is_expected: bool = False
    """Is true where `xfail` expected the failure, of which findings are a part."""
    story: str | None = None
    """For the report of the test's end, which is written when the server may be gone."""
    record: dict[str, Any] = field(default_factory=dict)
    """Findings and coverage for the summary."""

    def judge(self) -> None:
        """Raises `Mistakes` where the client made some."""
        why = None
        findings: list[Finding] = []
        try:
            shown = self.whippy.verdict()
        except WhippyError as error:
            if self.standard.fail_on != "never":
                why = (
                    f"whippy: the client could not be judged: {error}\n\n"
                    f"With {FAIL_ON} = never nobody asks for findings."
                )
        else:
            findings = [Finding.read(finding) for finding in shown["findings"]]
            self.record = record(shown, self.standard, self.server.origin)
            why = verdict(findings, self.standard)
        if why is not None:
            self.story = tell(self.whippy)
            raise Mistakes(why, self.standard.failing(findings))


TRIAL = pytest.StashKey[Trial]()
ENVIRONMENT = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options and the setting."""
    group = parser.getgroup("whippy", "a Whippy Ware for every test")
    group.addoption(
        "--whippy-binary",
        metavar="PATH",
        help="the whippy-mock to start where WHIPPY_URL names no running one (default: "
        "that of the wheel, else that on the PATH)",
    )
    group.addoption(
        "--whippy-world",
        metavar="NAME|FILE",
        help="the seed of the worlds of tests that name none (default: that of the server, "
        "which is `documented` for one that the plugin starts)",
    )
    parser.addini(
        FAIL_ON,
        "findings of this level or higher fail a test: note, warning, error or never",
        default="warning",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuses an unknown level before any test runs, and registers the summary."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(world=..., reading={{...}}, faults=..., ignore=[...], fail_on=...): the "
        "seed, the readings and the faults of the test's world, the ids of findings that "
        "are known and pass, and the level at which others fail the test, as higher ones "
        "do; a test with this mark has the fixture `whippy`",
    )
    try:
        read_fail_on(config.getini(FAIL_ON))
    except ValueError as error:
        raise pytest.UsageError(f"{FAIL_ON}: {error}") from None
    # Tests have the variables of their worlds there.
    config.stash[ENVIRONMENT] = dict(os.environ)
    if not hasattr(config, "workerinput"):
        # Workers of pytest-xdist send their reports to the session that prints.
        config.pluginmanager.register(Summary(config), "whippy-summary")


@pytest.fixture(scope="session")
def whippy_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server of this session: that of WHIPPY_URL, else a process of its own.

    Under pytest-xdist each worker has a process of its own.
    """
    world = pytestconfig.getoption("whippy_world")
    try:
        environment = pytestconfig.stash[ENVIRONMENT]
        server = running_server(environment)
        if server is None:
            binary = find_binary(pytestconfig.getoption("whippy_binary"))
            server = StartedServer(binary, [] if world is None else ["--world", world])
            if environment.get(URL):
                server.origin = f"on a mock of their own: {URL} does not name a whippy-mock"
    except WhippyError as error:
        fail(error)
    yield server
    server.stop()


@pytest.fixture
def whippy(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    whippy_server: Server,
) -> Iterator[Whippy]:
    """A Whippy Ware of the test's own; mistakes of its client fail the test."""
    item = request.node
    arguments = marked(item)
    try:
        standard = Standard(
            read_fail_on(arguments.get("fail_on", item.config.getini(FAIL_ON))),
            read_ignore(arguments.get("ignore", [])),
        )
        whippy = Whippy(
            whippy_server,
            whippy_server.new_world(item.nodeid),
            seed=arguments.get("world", default_seed(item.config, whippy_server)),
            reading=arguments.get("reading"),
            faults=arguments.get("faults"),
        )
        whippy.check_ignored(standard.ignore)
    except (WhippyError, OSError, ValueError) as error:
        fail(error)
    trial = item.stash[TRIAL] = Trial(whippy, standard, whippy_server)
    monkeypatch.setenv("WHIPPY_URL", whippy.url)
    monkeypatch.setenv("WHIPPY_TOKEN", whippy.token)
    yield whippy
    finish(trial)


@pytest.fixture
def async_whippy(whippy: Whippy) -> AsyncWhippy:
    """The same world as `whippy`, with methods to be awaited."""
    return AsyncWhippy(whippy)


@pytest.fixture(autouse=True)
def _whippy_of_marker(request: pytest.FixtureRequest) -> None:
    """Gives a test that bears the marker its world, though it does not name the fixture."""
    if request.node.get_closest_marker(MARKER) is not None:
        request.getfixturevalue("whippy")


def fail(error: Exception) -> NoReturn:
    """Fails a test with one sentence, and without the trace that led there."""
    raise pytest.fail.Exception(f"whippy: {error}", pytrace=False) from None


def default_seed(config: pytest.Config, server: Server) -> World | None:
    """The seed of a test that names none; None for that of the server."""
    world: str | None = config.getoption("whippy_world")
    if world is None or not server.is_shared:
        return None
    return Path(world) if Path(world).is_file() else world


def marked(item: pytest.Item) -> dict[str, Any]:
    """The arguments of a test's markers: the closest one wins, and `ignore` adds up."""
    arguments: dict[str, Any] = {}
    ignore: list[str] = []
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
        try:
            ignore += read_ignore(marker.kwargs.get("ignore", []))
        except ValueError as error:
            fail(error)
        arguments = {**marker.kwargs, **arguments, "ignore": ignore}
    return arguments


def finish(trial: Trial) -> None:
    """Judges the end of a test, and gives its world up unless it failed."""
    if trial.has_passed:
        trial.judge()
    else:
        try:
            shown = trial.whippy.verdict()
        except WhippyError:
            # The test did not pass; that its client could not be judged changes nothing.
            pass
        else:
            trial.record = record(shown, trial.standard, trial.server.origin)
    if trial.server.is_shared:
        forgive(trial)
    if not trial.has_failed:
        trial.whippy.drop()


def forgive(trial: Trial) -> None:
    """Tells a server that judges as well which findings are known or expected."""
    known = set(trial.standard.ignore)
    found = {name for _, name, _ in trial.record.get("findings", [])}
    try:
        trial.whippy.forgive(known | found if trial.is_expected else known)
    except WhippyError as error:
        # A test may have given its world up.
        if error.status != 404:
            fail(error)


def shorten(report: pytest.TestReport) -> None:
    """Leaves the first line of a failure to the list at the session's end.

    Under CI pytest cuts nothing there, so that every mistake would be told twice.
    """
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = crash.message.split("\n", 1)[0]


def tell(whippy: Whippy) -> str:
    """The requests of a client, or the reason that they cannot be told."""
    try:
        return whippy.story()
    except WhippyError as error:
        return f"the journal cannot be read: {error}"


def tell_findings(trial: Trial) -> str | None:
    """The client's mistakes in a test that failed for another reason."""
    try:
        return verdict(trial.whippy.findings(), trial.standard)
    except WhippyError:
        # The test has failed; that its client could not be judged changes nothing.
        return None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Judges the client of a test that passed, as the last part of its call."""
    yield
    trial = item.stash.get(TRIAL, None)
    if trial is not None:
        trial.judge()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes the outcome of a test, and adds its client's requests to a failure."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, Mistakes):
        shorten(report)
    trial = item.stash.get(TRIAL, None)
    if trial is None:
        return report
    story, trial.story = trial.story, None
    if call.when == "teardown":
        if story is not None:
            report.sections.append(("whippy", story))
        attach(report, trial.record)
        del item.stash[TRIAL]
    elif report.failed:
        trial.has_failed = True
        report.sections.append(("whippy", story or tell(trial.whippy)))
        # Mistakes that are the failure need not be told beside it.
        findings = tell_findings(trial) if story is None else None
        if findings is not None:
            report.sections.append(("whippy findings", findings))
    elif call.when == "call":
        trial.has_passed = report.passed
        trial.is_expected = hasattr(report, "wasxfail")
    return report
