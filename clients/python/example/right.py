"""An integration client as it should be: what `wrong.py` gets wrong, done right."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterable, Iterator
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

from erp import Item

BATCH = 100
TRIES = 4


class UnavailableError(Exception):
    """The service did not come back in time; whoever asked may ask again later."""


class StockClient:
    """Whippy Ware's stocks, for an ERP."""

    def __init__(self, url: str, token: str, pause: float = 0.5) -> None:
        """`pause` is how long it waits before the first retry, seconds."""
        self.api = f"{url}/api/v1/stocks/"
        self.headers = {
            "Authorization": f"Token {token}",
            "Content-Type": "application/json",
        }
        self.pause = pause

    def call(self, method: str, url: str, body: object = None) -> tuple[int, Any]:
        """Asks. What may be done twice is tried again: every call of this client may."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, self.headers, method=method)
        for attempt in range(TRIES):
            if attempt > 0:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return answer.status, json.load(answer)
            except HTTPError as refusal:
                # A request that was refused for what it says is refused again.
                if refusal.code < 500:
                    raise
            except (OSError, HTTPException):
                pass
        raise UnavailableError(f"{method} {url} was not answered, {TRIES} times")

    def stocks(self, **filters: object) -> Iterator[dict[str, Any]]:
        """All stocks that the filters fit, page by page to the last."""
        url: str | None = f"{self.api}?{urlencode({**filters, 'limit': 100})}"
        while url is not None:
            _, page = self.call("GET", url)
            yield from page["results"]
            url = page["next"]

    def plentiful(self, pieces: int) -> list[dict[str, Any]]:
        """Stocks of more than so many pieces."""
        return list(self.stocks(stock__gt=pieces))

    def sync(self, items: Iterable[Item]) -> int:
        """Sends what the service does not know yet; how many that were."""
        known = {(s["sku"], s["location"]): s["stock"] for s in self.stocks()}
        news = [
            item for item in items if known.get((item.sku, item.location)) != item.pieces
        ]
        rows = [
            {
                "sku": item.sku,
                "provider": item.provider,
                "location": item.location,
                "stock": item.pieces,
            }
            for item in news
        ]
        for start in range(0, len(rows), BATCH):
            url = f"{self.api}insert_or_update_stock/"
            self.call("POST", url, rows[start : start + BATCH])
        return len(news)

    def reserve(self, sku: str, location: str, ordered_at: datetime) -> None:
        """Reserves a piece for an order, once, however often it is asked."""
        self._move("increase", sku, location, ordered_at)

    def release(self, sku: str, location: str, ordered_at: datetime) -> None:
        """Gives the piece of an order free, once, however often it is asked."""
        self._move("decrease", sku, location, ordered_at)

    def _move(self, way: str, sku: str, location: str, ordered_at: datetime) -> None:
        # The date is the order's and not that of the attempt: by it the service knows the
        # retry. 201 and 208 both say that it is done, the latter that it was before.
        body = {"sku": sku, "location": location, "date": ordered_at.isoformat()}
        self.call("POST", f"{self.api}{way}_reserved_stock/", body)
