"""Findings and what becomes of a test, on a stand-in that finds what it is asked to."""

from __future__ import annotations

import pytest
from conftest import Suite

TWO_LEVELS = """
def test_note(make): make("note")
def test_warning(make): make("warning")
def test_error(make): make("note", "error", "error")
"""


@pytest.mark.parametrize(
    ("ini", "errors"),
    [
        ("", 2),
        ("whippy_fail_on = note", 3),
        ("whippy_fail_on = warning", 2),
        ("whippy_fail_on = error", 1),
        ("whippy_fail_on = never", 0),
    ],
)
def test_findings_from_the_level_on_fail_tests_that_passed(
    judged: Suite, ini: str, errors: int
) -> None:
    judged(TWO_LEVELS, ini=ini).assert_outcomes(passed=3, errors=errors)


def test_the_text_of_a_failure_names_every_mistake(judged: Suite) -> None:
    result = judged(TWO_LEVELS)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_error*",
            "whippy: made-up-error (2 mistakes of the client; fail_on = warning, 1 below that)",
            "error made-up-error: GET /worlds/*?finding=error (request 2)",
            "  sent:   finding=error",
            "  meant:  nothing of the kind",
            "  why:    The stand-in finds what it is asked to find.",
            "  source: stack · Filters · Made up.",
            "error made-up-error: GET /worlds/*?finding=error (request 3)",
            "*- whippy -*",
            "the journal of this test, *",
        ]
    )
    result.stdout.no_fnmatch_line("*made-up-note*")


def test_a_marker_goes_before_the_setting(judged: Suite) -> None:
    result = judged(
        """
        import pytest

        @pytest.mark.whippy(fail_on="error")
        class TestLenient:
            def test_it(self, make): make("warning")

            @pytest.mark.whippy(fail_on="note")
            def test_strict(self, make): make("note")
        """,
        ini="whippy_fail_on = never",
    )
    result.assert_outcomes(passed=2, errors=1)


def test_mistakes_of_fixtures_that_end_before_count(judged: Suite) -> None:
    result = judged(
        """
        import pytest

        @pytest.fixture
        def client(make):
            yield
            make("error")

        def test_it(client): pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)


def test_a_test_that_failed_fails_once_and_shows_the_mistakes(judged: Suite) -> None:
    result = judged(
        """
        def test_it(make):
            make("error")
            assert False
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- whippy findings -*", "error made-up-error: *"])


def test_who_is_skipped_is_not_judged_and_mistakes_may_be_expected(judged: Suite) -> None:
    result = judged(
        """
        import pytest

        def test_skipped(make):
            make("error")
            pytest.skip()

        @pytest.mark.xfail
        def test_fails(make):
            make("error")
            assert False

        @pytest.mark.xfail
        def test_passes(make):
            make("error")
        """
    )
    result.assert_outcomes(skipped=1, xfailed=2, xpassed=1)


def test_a_test_may_look_at_findings_and_coverage_itself(judged: Suite) -> None:
    result = judged(
        """
        import pytest

        @pytest.mark.whippy(fail_on="never")
        def test_it(whippy, make):
            assert whippy.findings() == []
            make("error", "note")
            first, second = whippy.findings()
            assert (first.level, first.id, first.requests) == ("error", "made-up-error", (1,))
            assert second.meant == "nothing of the kind"
            assert whippy.coverage() == {"requests": 3}
        """
    )
    result.assert_outcomes(passed=1)


def test_a_level_that_is_none_is_refused_before_anything_runs(judged: Suite) -> None:
    result = judged("def test_it(whippy): pass", ini="whippy_fail_on = warn")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        "*whippy_fail_on: `warn` is no level of findings; "
        "there are note, warning, error, never"
    )


@pytest.mark.parametrize(
    ("path", "use"),
    [("findings", "findings()"), ("findings", "coverage()"), ("faults", "faults([])")],
)
def test_a_server_that_is_too_old_is_said_to_be(
    judged: Suite, monkeypatch: pytest.MonkeyPatch, path: str, use: str
) -> None:
    monkeypatch.setenv("STAND_IN_LACKS", path)
    result = judged(f"def test_it(whippy): whippy.{use}", ini="whippy_fail_on = never")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        f"E*stand-in (version 0.0.1) is too old for this: it has no * /__admin/{path}; *"
    )


def test_a_client_that_cannot_be_judged_does_not_pass(
    judged: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_LACKS", "findings")
    result = judged("def test_it(whippy): pass")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "whippy: the client could not be judged: *stand-in (version 0.0.1) is too old*",
            "With whippy_fail_on = never nobody asks for findings.",
        ]
    )


def test_under_xdist_findings_fail_tests_too(judged: Suite) -> None:
    result = judged(TWO_LEVELS, "-n", "2")
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        ["whippy: made-up-* (a mistake of the client;*", "*- whippy -*"]
    )
