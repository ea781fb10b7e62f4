"""Tests of the right client: nothing it asks is a mistake, so they pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from urllib.error import HTTPError

import erp
import pytest
from right import TRIES, StockClient, UnavailableError

from pytest_whippy import Whippy

SKU, LOCATION = "TS1042-NVY-L", "wh-tuzla"
ORDERED_AT = datetime(2023, 5, 10, 12, tzinfo=timezone.utc)

# A reservation whose answer is lost, after the piece was reserved.
LOST_ANSWER = {
    "name": "lost-answer",
    "match": {"operation": "increase-reserved-stock"},
    "fault": {"kind": "reset"},
    "when": "after",
    "times": 1,
}

# Even what is only worth a note fails these tests.
pytestmark = pytest.mark.whippy(world="demo", fail_on="note")


@pytest.fixture
def client(whippy: Whippy) -> StockClient:
    """The client under test, which does not wait between its tries."""
    return StockClient(whippy.url, whippy.token, pause=0)


def reserved(client: StockClient) -> int:
    """How many pieces of the SKU are reserved."""
    [stock] = client.stocks(sku=SKU, location=LOCATION)
    pieces: int = stock["reserved_stock"]
    return pieces


def statuses(whippy: Whippy, operation: str) -> list[int | None]:
    """What was answered; None where nothing was."""
    answers = [exchange["response"] for exchange in whippy.requests(operation=operation)]
    return [answer and answer["status"] for answer in answers]


def test_a_sync_sends_what_is_new_in_batches(whippy: Whippy, client: StockClient) -> None:
    items = erp.items(250)
    assert client.sync(items) == 250
    assert statuses(whippy, "upsert-stocks") == [200, 200, 200]
    assert client.sync(items) == 0
    assert client.sync([replace(items[0], pieces=99), *items[1:]]) == 1
    assert len(statuses(whippy, "upsert-stocks")) == 4
    assert whippy.coverage()["whole_walks"] == 3


def test_plentiful_stocks_are_found(client: StockClient) -> None:
    found = client.plentiful(100)
    assert (SKU, LOCATION) in {(stock["sku"], stock["location"]) for stock in found}
    assert all(stock["stock"] > 100 for stock in found)


def test_a_reservation_outlives_a_lost_answer(whippy: Whippy, client: StockClient) -> None:
    before = reserved(client)
    whippy.faults([LOST_ANSWER])
    client.reserve(SKU, LOCATION, ORDERED_AT)
    assert statuses(whippy, "increase-reserved-stock") == [None, 208]
    assert reserved(client) == before + 1


def test_a_release_counts_once(whippy: Whippy, client: StockClient) -> None:
    client.reserve(SKU, LOCATION, ORDERED_AT)
    before = reserved(client)
    client.release(SKU, LOCATION, ORDERED_AT)
    client.release(SKU, LOCATION, ORDERED_AT)
    assert statuses(whippy, "decrease-reserved-stock") == [201, 208]
    assert reserved(client) == before - 1


def test_what_is_refused_is_an_error_at_once(whippy: Whippy, client: StockClient) -> None:
    with pytest.raises(HTTPError, match="400"):
        client.call("POST", f"{client.api}insert_or_update_stock/", {"sku": SKU})
    assert statuses(whippy, "upsert-stocks") == [400]


def test_a_service_that_stays_away_is_given_up(whippy: Whippy, client: StockClient) -> None:
    whippy.faults("maintenance")
    with pytest.raises(UnavailableError, match="4 times"):
        client.reserve(SKU, LOCATION, ORDERED_AT)
    assert len(whippy.requests()) == TRIES
