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
    ("ini", "failed"),
    [
        ("", 2),
        ("whippy_fail_on = note", 3),
        ("whippy_fail_on = warning", 2),
        ("whippy_fail_on = error", 1),
        ("whippy_fail_on = never", 0),
    ],
)
def test_findings_from_the_level_on_fail_tests_that_passed(
    judged: Suite, ini: str, failed: int
) -> None:
    judged(TWO_LEVELS, ini=ini).assert_outcomes(passed=3 - failed, failed=failed)


def test_the_text_of_a_failure_names_every_mistake(judged: Suite) -> None:
    result = judged(TWO_LEVELS)
    result.stdout.fnmatch_lines(
        [
            "*__ test_error __*",
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
    result.stdout.no_fnmatch_line("note made-up-note: GET*")


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
    result.assert_outcomes(passed=1, failed=1)


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
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_it*", "*- whippy -*"])


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_failure_by_findings_is_one_and_has_no_other_behind_it(
    judged: Suite, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    # Under CI pytest cuts nothing of a failure in its list at the end.
    monkeypatch.setenv("CI", ci)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    result = judged(TWO_LEVELS)
    text = str(result.stdout)
    assert text.count("error made-up-error: GET") == 2
    assert text.count("warning made-up-warning: GET") == 1
    assert "During handling of" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("marker", ["fail_on='warn'", "ignore=7", "colour='red'"])
def test_a_refusal_has_no_other_failure_behind_it(judged: Suite, marker: str) -> None:
    result = judged(
        f"import pytest\n@pytest.mark.whippy({marker})\ndef test_it(whippy): pass"
    )
    result.assert_outcomes(errors=1)
    assert "During handling of" not in str(result.stdout)


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
        def test_makes_a_mistake(make):
            make("error")
        """
    )
    result.assert_outcomes(skipped=1, xfailed=2)


def test_a_strict_xfail_expects_mistakes_and_nothing_else(judged: Suite) -> None:
    result = judged(
        """
        import pytest
        from pytest_whippy import Mistakes

        pytestmark = pytest.mark.xfail(strict=True, raises=Mistakes)

        def test_known(make):
            make("error")

        def test_mended(make):
            pass

        def test_broken(make):
            make("error")
            assert False
        """
    )
    result.assert_outcomes(xfailed=1, failed=2)
    result.stdout.fnmatch_lines(["*__ test_mended __*", "[[]XPASS(strict)[]]*"])


def test_known_findings_pass_and_others_do_not(judged: Suite) -> None:
    result = judged(
        """
        import pytest

        @pytest.mark.whippy(ignore=["made-up-warning"])
        class TestIt:
            def test_known(self, make):
                make("warning")

            def test_other(self, make):
                make("warning", "error")

            @pytest.mark.whippy(ignore=["made-up-error"])
            def test_markers_add_up(self, make):
                make("warning", "error")
        """
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "whippy: made-up-error (a mistake of the client; fail_on = warning, 1 ignored)",
            "ignored: 4 findings",
        ]
    )


def test_a_case_of_unittest_is_judged(judged: Suite) -> None:
    result = judged(
        """
        import os
        import unittest
        import urllib.request

        import pytest

        @pytest.mark.whippy
        class TestIt(unittest.TestCase):
            def test_mistake(self):
                urllib.request.urlopen(os.environ["WHIPPY_URL"] + "/api/?finding=error")

            def test_right(self):
                urllib.request.urlopen(os.environ["WHIPPY_URL"] + "/api/")

            def test_wrong(self):
                self.fail()
        """
    )
    result.assert_outcomes(passed=1, failed=2)


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
            assert whippy.coverage()["requests"] == 2
        """
    )
    result.assert_outcomes(passed=1)


def test_a_level_that_is_none_is_refused_before_anything_runs(judged: Suite) -> None:
    result = judged("def test_it(whippy): pass", ini="whippy_fail_on = warn")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        "*whippy_fail_on: `warn` is not a level of findings; "
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
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "whippy: the client could not be judged: *stand-in (version 0.0.1) is too old*",
            "With whippy_fail_on = never nobody asks for findings.",
        ]
    )


def test_under_xdist_findings_fail_tests_too(judged: Suite) -> None:
    result = judged(TWO_LEVELS, "-n", "2")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["whippy: made-up-* (a mistake of the client;*", "*- whippy -*"]
    )
