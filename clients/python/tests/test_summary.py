"""Findings and coverage of the session: the terminal's summary, and JUnit."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import Suite

MISTAKES = """
def test_one(make): make("note")
def test_two(make): make("note", "warning")
def test_three(make): pass
def test_other(): pass
"""


def properties(file: Path) -> dict[str, str]:
    """The properties of a suite in JUnit."""
    found = ElementTree.parse(file).findall("testsuite/properties/property")
    return {each.attrib["name"]: each.attrib["value"] for each in found}


def by_test(file: Path) -> dict[str, dict[str, str]]:
    """The properties of tests in JUnit, by the test's name."""
    return {
        test.attrib["name"]: {
            each.attrib["name"]: each.attrib["value"] for each in test.iter("property")
        }
        for test in ElementTree.parse(file).iter("testcase")
    }


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]])
def test_the_summary_tells_of_all_tests_together(
    judged: Suite, arguments: list[str]
) -> None:
    result = judged(MISTAKES, *arguments, ini="whippy_fail_on = never")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*=== whippy ===*",
            "3 tests, 3 requests",
            "met: 1 of 2 documented responses (50 %), 1 of 2 rules",
            "not met: search_200",
            "not met: a list of several pages, read to its end",
            "warning made-up-warning: *::test_two",
        ],
        consecutive=True,
    )
    [notes] = re.findall("^note made-up-note: (.*)$", str(result.stdout), re.M)
    assert {name.split("::")[1] for name in notes.split(", ")} == {"test_one", "test_two"}


def test_a_session_without_worlds_has_no_summary(judged: Suite) -> None:
    result = judged("def test_it(): pass")
    result.stdout.no_fnmatch_line("*= whippy =*")


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]])
def test_junit_has_findings_and_coverage_as_properties(
    judged: Suite, tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "junit.xml"
    result = judged(MISTAKES, f"--junit-xml={file}", *arguments)
    result.assert_outcomes(passed=3, failed=1)
    assert properties(file) == {
        "whippy_requests": "3",
        "whippy_documented_met": "1",
        "whippy_documented": "2",
        "whippy_not_met": "search_200",
        "whippy_errors": "",
        "whippy_warnings": "made-up-warning",
        "whippy_notes": "made-up-note",
    }
    assert by_test(file) == {
        "test_one": {"whippy_findings": "made-up-note"},
        "test_two": {"whippy_findings": "made-up-note, made-up-warning"},
        "test_three": {},
        "test_other": {},
    }


def test_findings_are_one_failure_of_their_test_in_junit(
    judged: Suite, tmp_path: Path
) -> None:
    file = tmp_path / "junit.xml"
    judged(MISTAKES, f"--junit-xml={file}")
    [suite] = ElementTree.parse(file).findall("testsuite")
    counts = [suite.attrib[name] for name in ("tests", "failures", "errors")]
    assert counts == ["4", "1", "0"]
    [failure] = suite.findall("testcase/failure")
    assert "whippy: made-up-warning (a mistake" in failure.attrib["message"]
