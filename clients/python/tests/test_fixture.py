"""The fixture, on the mock itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Suite

from pytest_whippy.server import StartedServer

CLIENT = """
import json
import os
import urllib.error
import urllib.request

import pytest

def ask(path, body=None, token=None):
    url = os.environ["WHIPPY_URL"] + "/api/v1/" + path
    headers = {
        "Authorization": "Token " + (token or os.environ["WHIPPY_TOKEN"]),
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return json.load(answer)

def reserved():
    return ask("stocks/?sku=555AB1300456213004")["results"][0]["reserved_stock"]

def reserve():
    ask("stocks/increase_reserved_stock/", {"sku": "555AB1300456213004", "location": "110"})
"""


def test_every_test_has_a_fresh_world_on_one_server(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
seen = []

@pytest.mark.parametrize("time", [1, 2, 3])
def test_it(whippy, whippy_server, time):
    assert reserved() == 0
    reserve()
    assert reserved() == 1
    seen.append((whippy.url, whippy_server.pid))
    assert len({url for url, _ in seen}) == time
    assert len({pid for _, pid in seen}) == 1
"""
    )
    result.assert_outcomes(passed=3)


def test_a_client_finds_address_and_token_in_the_environment(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
def test_set(whippy):
    assert os.environ["WHIPPY_URL"] == whippy.url
    assert os.environ["WHIPPY_TOKEN"] == whippy.token
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask("stocks/", token="another")

def test_unset():
    assert "WHIPPY_URL" not in os.environ
    assert "WHIPPY_TOKEN" not in os.environ
"""
    )
    result.assert_outcomes(passed=2)


def test_a_reset_brings_back_what_the_test_began_with(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
@pytest.mark.whippy(world="before-decrease", reading={"page-size": 1})
def test_it(whippy):
    began = ask("stocks/")
    reserve()
    whippy.clock.freeze("2001-01-01T00:00:00Z")
    whippy.reset()
    assert ask("stocks/") == began
    assert len(began["results"]) == 1
    assert reserved() == 11
    assert whippy.clock.now().year > 2001
    assert whippy.requests(operation="increase-reserved-stock")
"""
    )
    result.assert_outcomes(passed=1)


def test_requests_are_found_by_what_they_are(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
def test_it(whippy):
    reserve()
    with pytest.raises(urllib.error.HTTPError):
        ask("stocks/?page=9")
    assert [e["response"]["status"] for e in whippy.requests()] == [201, 404]
    assert len(whippy.requests(status="4xx", path="/api/v1/stocks/")) == 1
    assert len(whippy.requests(method="POST", body={"location": "110"})) == 1
    assert whippy.requests(status=500) == []

def test_a_filter_that_is_none(whippy):
    from pytest_whippy import WhippyError
    with pytest.raises(WhippyError, match="was answered 400: .*unknown field `colour`"):
        whippy.requests(colour="red")
"""
    )
    result.assert_outcomes(passed=2)


def test_the_clock_stands_and_moves_as_it_is_told(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
from datetime import datetime, timedelta, timezone

MOMENT = datetime(2023, 5, 10, 12, tzinfo=timezone.utc)

def test_it(whippy):
    assert whippy.clock.freeze(MOMENT) == MOMENT
    assert whippy.clock.freeze() == MOMENT
    reserve()
    [stock] = ask("stocks/?sku=555AB1300456213004")["results"]
    assert datetime.fromisoformat(stock["modified_date"]) == MOMENT
    assert whippy.clock.advance(90.5) == MOMENT + timedelta(seconds=90.5)
    assert whippy.clock.advance(timedelta(days=1)) == whippy.clock.now()
    assert whippy.clock.freeze(datetime(2023, 5, 10)).utcoffset() == timedelta(hours=3)
"""
    )
    result.assert_outcomes(passed=1)


def test_a_marker_says_what_the_world_starts_with(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    pytester.path.joinpath("small.json").write_text('{"providers": [{"name": "file"}]}')
    result = suite(
        CLIENT
        + """
from pathlib import Path

@pytest.mark.whippy(world="demo")
class TestDemo:
    def test_by_name(self):
        assert ask("stocks/")["count"] == 330

    @pytest.mark.whippy(reading={"page-size": 7})
    def test_the_markers_of_class_and_test_add_up(self):
        page = ask("stocks/")
        assert (page["count"], len(page["results"])) == (330, 7)

    @pytest.mark.whippy(world="empty")
    def test_the_closest_wins(self):
        assert ask("stocks/")["count"] == 0

@pytest.mark.whippy(world=Path(__file__).with_name("small.json"))
def test_by_file():
    assert [p["name"] for p in ask("providers/")["results"]] == ["file"]

@pytest.mark.whippy(world={"providers": [{"name": "given"}]})
def test_in_full():
    assert [p["name"] for p in ask("providers/")["results"]] == ["given"]

def test_without():
    assert "WHIPPY_URL" not in os.environ
"""
    )
    result.assert_outcomes(passed=6)


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        (
            "seed='demo'",
            "*does not take seed; it takes world, reading, faults, ignore, fail_on, each**",
        ),
        (
            "'demo'",
            "*does not take 'demo'; it takes world, reading, faults, ignore, fail_on, each**",
        ),
        ("world='dmeo'", "whippy: *400: *no built-in world `dmeo`*"),
        ("reading={'page-sise': 1}", "whippy: *400: *no reading `page-sise`*"),
        ("faults='flaky'", "whippy: *400: *no built-in faults `flaky`*"),
        (
            "ignore='undated-retry'",
            "whippy: ignore takes a list *, not 'undated-retry'",
        ),
        ("fail_on='warn'", "whippy: `warn` is not a level of findings; *"),
    ],
)
def test_a_marker_that_cannot_be_meant_is_refused(
    suite: Suite, marker: str, sentence: str
) -> None:
    result = suite(
        f"import pytest\n@pytest.mark.whippy({marker})\ndef test_it(whippy): pass"
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(sentence)


def test_the_option_says_what_all_worlds_start_with(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    pytester.path.joinpath("small.json").write_text('{"providers": [{"name": "file"}]}')
    result = suite(
        CLIENT
        + """
def test_it(whippy):
    assert ask("providers/")["count"] == 1

@pytest.mark.whippy(world="documented")
def test_but_those_that_say_otherwise(whippy):
    assert ask("providers/")["count"] == 2
""",
        "--whippy-world",
        "small.json",
    )
    result.assert_outcomes(passed=2)


def test_a_failed_test_keeps_its_world_and_tells_its_story(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
@pytest.fixture
def broken(whippy):
    assert reserved() == 7

def test_failed(whippy):
    reserve()
    assert reserved() == 7

def test_not_set_up(broken): pass

def test_passed(whippy): reserve()

def test_skipped(whippy):
    reserve()
    pytest.skip()

def test_gave_it_up(whippy): whippy.drop()

def test_what_is_left(whippy, whippy_server):
    worlds = whippy_server.admin.call("GET", "worlds")["worlds"]
    names = [world["name"] for world in worlds if world["name"] != whippy.world]
    assert len(names) == 3
    assert "default" in names
    assert sum("test_failed" in name for name in names) == 1
    assert sum("test_not_set_up" in name for name in names) == 1
"""
    )
    result.assert_outcomes(failed=1, errors=1, passed=3, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*__ test_failed __*",
            "*- whippy -*",
            "the journal of this test, in full *",
            "  http://127.0.0.1:*/worlds/*.test_failed-*/__admin/requests",
            "*201 POST /api/v1/stocks/increase_reserved_stock/  increase-reserved-stock/increased",
            "*200 GET /api/v1/stocks/?sku=555AB1300456213004  search-stocks/found",
        ]
    )


def test_a_test_that_runs_again_has_another_world(server: StartedServer) -> None:
    names = [
        server.new_world(test) for test in ("t.py::a", "t.py::a", "t.py::b", "t.py::a")
    ]
    assert len(set(names)) == 4


def test_under_xdist_each_worker_has_a_server(suite: Suite, tmp_path: Path) -> None:
    result = suite(
        CLIENT
        + f"""
from pathlib import Path

@pytest.mark.parametrize("time", range(8))
def test_it(whippy, whippy_server, worker_id, time):
    reserve()
    assert reserved() == 1
    Path({str(tmp_path)!r}, f"{{worker_id}}-{{whippy_server.pid}}").touch()
""",
        "-n",
        "2",
    )
    result.assert_outcomes(passed=8)
    workers, pids = zip(
        *(path.name.split("-") for path in tmp_path.glob("gw*")), strict=True
    )
    assert len(set(workers)) == len(set(pids)) == len(pids) >= 1
    for pid in map(int, pids):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_proxy_of_the_environment_is_not_asked(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    suite("def test_it(whippy): assert whippy.requests() == []").assert_outcomes(passed=1)


def test_faults_are_for_one_test(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
RULE = {"name": "down", "fault": {"kind": "status", "status": 503}}

@pytest.mark.parametrize("rules", ["maintenance", [RULE], {"seed": 1, "rules": [RULE]}])
def test_it(whippy, rules):
    whippy.faults(rules)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        ask("stocks/")
    whippy.faults([])
    assert ask("stocks/")["count"] == 3
    whippy.faults(rules)
    whippy.reset()
    assert ask("stocks/")["count"] == 3

def test_another(whippy):
    assert ask("stocks/")["count"] == 3
"""
    )
    result.assert_outcomes(passed=4)


def test_faults_of_a_marker_are_there_from_the_start_and_after_a_reset(
    suite: Suite,
) -> None:
    result = suite(
        CLIENT
        + """
@pytest.mark.whippy(faults="maintenance")
def test_it(whippy):
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="503"):
            ask("stocks/")
        whippy.faults([])
        assert ask("stocks/")["count"] == 3
        whippy.reset()
"""
    )
    result.assert_outcomes(passed=1)


def test_a_real_mistake_fails_a_test_that_passed(suite: Suite) -> None:
    result = suite(
        CLIENT
        + """
def test_it(whippy):
    assert len(ask("stocks/?stock_gt=4&limit=3")["results"]) == 3
    whippy.reset()
    assert [finding.id for finding in whippy.findings()] == ["unknown-parameter"]
    assert whippy.coverage()["requests"] == 1
""",
        fail_on="warning",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "whippy: unknown-parameter (a mistake of the client; *",
            "warning unknown-parameter: GET *stock_gt=4*",
        ]
    )


def test_a_world_that_is_gone_is_not_taken_for_an_old_server(suite: Suite) -> None:
    result = suite(
        """
        import pytest
        from pytest_whippy import WhippyError

        def test_it(whippy):
            whippy.drop()
            with pytest.raises(WhippyError, match="404: there is no world "):
                whippy.findings()
        """
    )
    result.assert_outcomes(passed=1)
