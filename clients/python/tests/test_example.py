"""The example: what its wrong client is told, and that its right one is told nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import INI

EXAMPLE = Path(__file__).parents[1] / "example"

MISTAKES = {
    "test_a_sync_sends_what_is_new": ["row-by-row-upsert", "unread-pages"],
    "test_plentiful_stocks_are_found": ["unknown-parameter"],
    "test_a_reservation_outlives_a_lost_answer": ["undated-retry"],
    "test_a_release_of_nothing_is_none": ["repeated-after-reported"],
    "test_what_is_refused_is_an_error": ["repeated-bad-request"],
}


@pytest.fixture
def example(pytester: pytest.Pytester, binary: Path) -> pytest.Pytester:
    """A copy of the example."""
    for file in EXAMPLE.glob("*.py"):
        pytester.path.joinpath(file.name).write_bytes(file.read_bytes())
    pytester.makeini(f"{INI}addopts = --whippy-binary={binary}\n")
    return pytester


def test_the_right_client_passes(example: pytest.Pytester) -> None:
    example.runpytest("test_right.py").assert_outcomes(passed=6)


def test_the_wrong_client_passes_its_tests_and_is_failed(example: pytest.Pytester) -> None:
    result = example.runpytest("test_wrong.py")
    result.assert_outcomes(failed=len(MISTAKES))


@pytest.mark.parametrize("test", MISTAKES)
def test_the_wrong_client_is_told_its_mistakes(example: pytest.Pytester, test: str) -> None:
    result = example.runpytest("test_wrong.py", "-k", f"{test} and test_")
    told = re.findall(r"^(?:note|warning|error) (\S+): [A-Z]+ /", str(result.stdout), re.M)
    assert sorted(set(told)) == MISTAKES[test]
