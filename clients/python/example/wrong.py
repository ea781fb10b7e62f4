"""An integration client as it is often written: it works at first sight, and is wrong.

`right.py` beside it does the same as it should be done.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from typing import Any

from erp import Item


class StockClient:
    """Whippy Ware's stocks, for an ERP."""

    def __init__(self, url: str, token: str) -> None:
        self.api = f"{url}/api/v1/stocks/"
        self.headers = {
            "Authorization": f"Token {token}",
            "Content-Type": "application/json",
        }

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Asks, up to three times."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, self.headers, method=method)
        for _ in range(2):
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, json.load(answer)
            except (OSError, HTTPException):
                # Wrong: a 400 will be a 400 again.
                continue
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)

    def stocks(self) -> list[dict[str, Any]]:
        """All stocks."""
        # Wrong: these are the first ten.
        _, page = self.call("GET", "")
        stocks: list[dict[str, Any]] = page["results"]
        return stocks

    def plentiful(self, pieces: int) -> list[dict[str, Any]]:
        """Stocks of more than so many pieces."""
        # Wrong: the filter is `stock__gt`; this one is ignored, without a word.
        _, page = self.call("GET", f"?stock_gt={pieces}&limit=1000")
        stocks: list[dict[str, Any]] = page["results"]
        return stocks

    def sync(self, items: Iterable[Item]) -> int:
        """Sends what the service does not know yet; how many that were."""
        known = {(s["sku"], s["location"]): s["stock"] for s in self.stocks()}
        news = [
            item for item in items if known.get((item.sku, item.location)) != item.pieces
        ]
        # Wrong: one call a row, though the service takes a list.
        for item in news:
            row = {"sku": item.sku, "provider": item.provider, "location": item.location}
            self.call("POST", "insert_or_update_stock/", {**row, "stock": item.pieces})
        return len(news)

    def reserve(self, sku: str, location: str) -> bool:
        """Reserves a piece."""
        # Wrong: without a `date` the retry in `call` may reserve a second one.
        body = {"sku": sku, "location": location}
        status, _ = self.call("POST", "increase_reserved_stock/", body)
        return status == 201

    def release(self, sku: str, location: str) -> bool:
        """Gives a reserved piece free."""
        body = {"sku": sku, "location": location}
        for _ in range(3):
            status, _ = self.call("POST", "decrease_reserved_stock/", body)
            # Wrong: 208 says that it is done, and that there is nothing to wait for.
            if status == 201:
                return True
        return False
