"""Tests that await, under asyncio and trio."""

from __future__ import annotations

import pytest
from conftest import Suite

AWAITS = """
import urllib.request

async def test_it(async_whippy, whippy):
    assert (async_whippy.url, async_whippy.token) == (whippy.url, whippy.token)
    assert async_whippy.world == whippy.world
    await async_whippy.faults("maintenance")
    await async_whippy.reset()
    moment = await async_whippy.clock.freeze("2023-05-10T12:00:00Z")
    assert await async_whippy.clock.now() == moment
    assert (await async_whippy.clock.advance(60)).minute == 1
    assert await async_whippy.requests() == []
    assert await async_whippy.findings() == []
    assert (await async_whippy.coverage())["requests"] == 0

async def test_mistaken(async_whippy):
    url = f"{async_whippy.url}/api/v1/stocks/?stock_gt=4"
    headers = {"Authorization": f"Token {async_whippy.token}"}
    urllib.request.urlopen(urllib.request.Request(url, None, headers)).close()
"""


@pytest.mark.parametrize(
    "head",
    [
        "import pytest\npytestmark = pytest.mark.asyncio",
        "import pytest\npytestmark = pytest.mark.anyio",
    ],
    ids=["pytest-asyncio", "anyio"],
)
def test_a_test_that_awaits_has_a_world_and_is_judged(suite: Suite, head: str) -> None:
    backends = "@pytest.fixture(params=['asyncio', 'trio'])\ndef anyio_backend(request): return request.param"
    result = suite(f"{head}\n{backends}\n{AWAITS}", fail_on="warning")
    times = 2 if "anyio" in head else 1
    result.assert_outcomes(passed=times, failed=times)
    result.stdout.fnmatch_lines("whippy: unknown-parameter (a mistake of the client; *")


def test_a_fixture_that_awaits_uses_the_world(suite: Suite) -> None:
    result = suite(
        """
        import pytest
        import pytest_asyncio

        @pytest_asyncio.fixture
        async def frozen(async_whippy):
            yield await async_whippy.clock.freeze("2023-05-10T12:00:00Z")
            assert await async_whippy.clock.now()

        @pytest.mark.asyncio
        async def test_it(frozen, whippy):
            assert whippy.clock.now() == frozen
        """
    )
    result.assert_outcomes(passed=1)
