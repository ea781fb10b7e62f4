"""Findings and coverage of a whole session: on the terminal, and in JUnit's properties.

Each test's part travels with the report of its end, which pytest-xdist brings from its
workers to the session that prints. Nothing here asks a server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest

from pytest_whippy.findings import Level, Standard

PROPERTY = "whippy_findings"
"""The property of a test that had findings, in JUnit and other reports."""

_RECORD = "whippy"


def record(
    shown: Mapping[str, Any], standard: Standard, origin: str | None
) -> dict[str, Any]:
    """The part of a test, from the mock's verdict, as plain values."""
    coverage = shown["coverage"]
    return {
        "origin": origin,
        "findings": [
            [finding["level"], finding["id"], finding["count"]]
            for finding in shown["findings"]
            if finding["id"] not in standard.ignore
        ],
        "ignored": sum(finding["id"] in standard.ignore for finding in shown["findings"]),
        "requests": coverage["requests"],
        "documented": {met["name"]: met["count"] for met in coverage["documented"]},
        "rules": [
            f"{met['operation']}/{met['rule']}" for met in coverage["rules"] if met["count"]
        ],
        "known_rules": len(coverage["rules"]),
        "whole_walks": coverage["whole_walks"],
    }


def attach(report: pytest.TestReport, part: Mapping[str, Any]) -> None:
    """Puts the part of a test into the report of its end."""
    if not part:
        return
    # An attribute that pytest does not know goes along with the report.
    setattr(report, _RECORD, dict(part))
    ids = dict.fromkeys(name for _, name, _ in part["findings"])
    if ids:
        report.user_properties.append((PROPERTY, ", ".join(ids)))


@dataclass
class Met:
    """Findings and coverage of several tests together."""

    tests: int = 0
    origins: set[str] = field(default_factory=set)
    """Remarks on the servers of the tests."""
    findings: dict[tuple[Level, str], list[str]] = field(default_factory=dict)
    """By level and id, the tests that had it."""
    ignored: int = 0
    requests: int = 0
    documented: Counter[str] = field(default_factory=Counter)
    rules: set[str] = field(default_factory=set)
    known_rules: int = 0
    whole_walks: int = 0

    def add(self, test: str, part: Mapping[str, Any]) -> None:
        """Counts the part of one test."""
        self.tests += 1
        if part["origin"] is not None:
            self.origins.add(part["origin"])
        for level, name, _ in part["findings"]:
            tests = self.findings.setdefault((level, name), [])
            if test not in tests:
                tests.append(test)
        self.ignored += part["ignored"]
        self.requests += part["requests"]
        self.documented.update(part["documented"])
        self.rules.update(part["rules"])
        self.known_rules = max(self.known_rules, part["known_rules"])
        self.whole_walks += part["whole_walks"]

    @property
    def missing(self) -> list[str]:
        """The documented responses that no test met, in the order of the page."""
        return [name for name, count in self.documented.items() if count == 0]

    def coverage(self) -> str:
        """The documented responses that were met, of all, with the percentage."""
        known = len(self.documented)
        met = known - len(self.missing)
        percent = f" ({100 * met / known:.0f} %)" if known else ""
        return f"{met} of {known} documented responses{percent}"

    def gravest_first(self) -> Iterator[tuple[Level, str, list[str]]]:
        """The findings: level, id and tests."""
        levels = get_args(Level)
        for (level, name), tests in sorted(
            self.findings.items(), key=lambda kind: (-levels.index(kind[0][0]), kind[0][1])
        ):
            yield level, name, tests

    def lines(self) -> Iterator[str]:
        """The summary of the session."""
        yield f"{many(self.tests, 'test')}, {many(self.requests, 'request')}"
        yield from sorted(self.origins)
        yield f"met: {self.coverage()}, {len(self.rules)} of {self.known_rules} rules"
        if self.missing:
            yield f"not met: {', '.join(self.missing)}"
        if self.whole_walks == 0:
            yield "not met: a list of several pages, read to its end"
        for level, name, tests in self.gravest_first():
            yield f"{level} {name}: {tests_in_short(tests)}"
        if self.ignored:
            yield f"ignored: {many(self.ignored, 'finding')}"

    def properties(self) -> Iterator[tuple[str, str]]:
        """The same for the suite in JUnit."""
        known = len(self.documented)
        met = known - len(self.missing)
        yield "whippy_requests", str(self.requests)
        yield "whippy_documented_met", str(met)
        yield "whippy_documented", str(known)
        yield "whippy_not_met", ", ".join(self.missing)
        for level in reversed(get_args(Level)):
            ids = [name for of, name, _ in self.gravest_first() if of == level]
            yield f"whippy_{level}s", ", ".join(ids)


class Summary:
    """Gathers the parts of tests, and tells of them together at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.met = Met()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the part of a test from the report of its end."""
        part = getattr(report, _RECORD, None)
        if part is not None:
            self.met.add(report.nodeid, part)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Adds properties to JUnit's suite, before the file is written."""
        if self.met.tests == 0:
            return
        for plugin in self.config.pluginmanager.get_plugins():
            # The writer of JUnit has no public name; it is known by its method.
            add = getattr(plugin, "add_global_property", None)
            if callable(add):
                for name, value in self.met.properties():
                    add(name, value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints the summary, where a test had a world."""
        if self.met.tests == 0:
            return
        terminalreporter.write_sep("=", "whippy")
        for line in self.met.lines():
            terminalreporter.write_line(line)


def many(count: int, noun: str) -> str:
    """A count and its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def tests_in_short(tests: list[str]) -> str:
    """The first tests by name, and the number of the others."""
    shown = ", ".join(tests[:3])
    others = len(tests) - 3
    return f"{shown} and {others} more" if others > 0 else shown
