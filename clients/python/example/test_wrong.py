"""Tests as one writes them. The wrong client passes every one, and the plugin fails it.

So this file is red, as it should be: run it to see what a failure looks like.
"""

from __future__ import annotations

from urllib.error import HTTPError

import erp
import pytest
from wrong import StockClient

from pytest_whippy import Whippy

SKU, LOCATION = "TS1042-NVY-L", "wh-tuzla"

# A reservation whose answer is lost, after the piece was reserved.
LOST_ANSWER = {
    "name": "lost-answer",
    "match": {"operation": "increase-reserved-stock"},
    "fault": {"kind": "reset"},
    "when": "after",
    "times": 1,
}

pytestmark = pytest.mark.whippy(world="demo")


@pytest.fixture
def client(whippy: Whippy) -> StockClient:
    """The client under test."""
    return StockClient(whippy.url, whippy.token)


@pytest.mark.whippy(fail_on="note")
def test_a_sync_sends_what_is_new(client: StockClient) -> None:
    assert client.sync(erp.items(20)) == 20


def test_plentiful_stocks_are_found(client: StockClient) -> None:
    found = {(stock["sku"], stock["location"]) for stock in client.plentiful(100)}
    assert (SKU, LOCATION) in found


def test_a_reservation_outlives_a_lost_answer(whippy: Whippy, client: StockClient) -> None:
    whippy.faults([LOST_ANSWER])
    assert client.reserve(SKU, LOCATION)


def test_a_release_of_nothing_is_none(client: StockClient) -> None:
    assert not client.release("KZ5001-KREM-STD", LOCATION)


def test_what_is_refused_is_an_error(client: StockClient) -> None:
    with pytest.raises(HTTPError, match="400"):
        client.call("POST", "insert_or_update_stock/", {"sku": SKU})
