"""Levels, and the text that a test fails with."""

from dataclasses import replace

import pytest

from pytest_whippy.findings import (
    FailOn,
    Finding,
    Level,
    Standard,
    read_fail_on,
    read_ignore,
    verdict,
)

UNKNOWN = Finding.read(
    {
        "id": "unknown-parameter",
        "level": "warning",
        "method": "GET",
        "target": "/api/v1/stocks/?stock_gt=4",
        "sent": "stock_gt=4",
        "meant": "stock__gt=4",
        "why": "The operation has no such query parameter.",
        "source": {
            "grade": "stack",
            "section": "Filters",
            "says": "Unknown parameters are ignored.",
        },
        "count": 5,
        "requests": [1, 4, 7],
        "a-later-member": True,
    }
)


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [
        ("note", ["note", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
        ("never", []),
    ],
)
def test_a_finding_fails_a_test_from_its_level_on(
    fail_on: FailOn, failing: list[Level]
) -> None:
    levels: list[Level] = ["note", "warning", "error"]
    assert [
        level for level in levels if replace(UNKNOWN, level=level).fails(fail_on)
    ] == failing


def test_a_verdict_says_what_was_sent_what_was_meant_and_who_says_so() -> None:
    assert verdict([UNKNOWN, replace(UNKNOWN, level="note")], Standard("warning")) == (
        "whippy: unknown-parameter (a mistake of the client; fail_on = warning, 1 below that)\n"
        "\n"
        "warning unknown-parameter: GET /api/v1/stocks/?stock_gt=4 (requests 1, 4, 7 and 2 more)\n"
        "  sent:   stock_gt=4\n"
        "  meant:  stock__gt=4\n"
        "  why:    The operation has no such query parameter.\n"
        "  source: stack · Filters · Unknown parameters are ignored."
    )


def test_what_cannot_be_told_is_left_out() -> None:
    once = replace(UNKNOWN, meant=None, count=1, requests=(4,))
    text = str(once)
    assert "meant" not in text
    assert "(request 4)" in text


def test_what_is_below_the_level_is_no_verdict() -> None:
    assert verdict([UNKNOWN], Standard("error")) is None
    assert verdict([], Standard("note")) is None


def test_a_level_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"`warn` is not a level .* note, warning, error, never"
    ):
        read_fail_on("warn")


def test_an_ignored_finding_is_counted_and_fails_nothing() -> None:
    known = Standard("note", ["unknown-parameter"])
    assert verdict([UNKNOWN], known) is None
    text = verdict([UNKNOWN, replace(UNKNOWN, id="unread-pages", level="note")], known)
    assert text is not None
    assert text.startswith(
        "whippy: unread-pages (a mistake of the client; fail_on = note, 1 ignored)\n"
    )


@pytest.mark.parametrize("ids", ["undated-retry", 7, ["undated-retry", 7], None])
def test_ids_to_ignore_are_a_list_of_texts(ids: object) -> None:
    with pytest.raises(ValueError, match="ignore takes a list of findings' ids"):
        read_ignore(ids)
