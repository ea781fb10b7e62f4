"""A test's own world for tests that await: each question is asked in a thread.

The event loop goes on meanwhile, so a client that holds a request open is not stopped by a
look at the journal. Under asyncio and under trio; nothing here knows pytest.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from pytest_whippy.findings import Finding
from pytest_whippy.whippy import Clock, Faults, Whippy

P = ParamSpec("P")
T = TypeVar("T")


async def _in_thread(ask: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        # Whoever awaits without a loop of asyncio runs trio.
        from trio.to_thread import run_sync

        result: T = await run_sync(functools.partial(ask, *args, **kwargs))
        return result
    return await asyncio.to_thread(ask, *args, **kwargs)


class AsyncClock:
    """The clock of a test's world."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        """The service's own idea of the time."""
        return await _in_thread(self._clock.now)

    async def freeze(self, when: datetime | str | None = None) -> datetime:
        """Stops it at a moment, or where it stands. One without a zone is the service's."""
        return await _in_thread(self._clock.freeze, when)

    async def advance(self, seconds: float | timedelta) -> datetime:
        """Moves it ahead, stopped or running."""
        return await _in_thread(self._clock.advance, seconds)


class AsyncWhippy:
    """A world of a test's own: the methods of `Whippy`, to be awaited."""

    def __init__(self, whippy: Whippy) -> None:
        self._whippy = whippy
        self.clock = AsyncClock(whippy.clock)

    @property
    def world(self) -> str:
        """The name of the world."""
        return self._whippy.world

    @property
    def url(self) -> str:
        """The address for a client: `/api/v1/` follows."""
        return self._whippy.url

    @property
    def token(self) -> str:
        """The token that is let in: `Authorization: Token …`."""
        return self._whippy.token

    async def reset(self) -> None:
        """Brings back the stocks, readings, clock and faults that the test began with."""
        await _in_thread(self._whippy.reset)

    async def requests(self, **filters: Any) -> list[dict[str, Any]]:
        """The exchanges of this world, the oldest first; all filters must fit."""
        return await _in_thread(self._whippy.requests, **filters)

    async def findings(self) -> list[Finding]:
        """The client's mistakes so far, as if this were the end."""
        return await _in_thread(self._whippy.findings)

    async def coverage(self) -> dict[str, Any]:
        """The documented responses, pages and rules that the client has met."""
        return await _in_thread(self._whippy.coverage)

    async def faults(self, rules: Faults) -> None:
        """Replaces the faults from now on; an empty list ends them."""
        await _in_thread(self._whippy.faults, rules)
