"""Uses a client that openapi-python-client made of the mock's document: `whippy_client`
in the current directory.

    generated.py URL
"""

import sys

import requests

sys.path.insert(0, ".")
from whippy_client import AuthenticatedClient  # noqa: E402
from whippy_client.api.queries import stock_query  # noqa: E402
from whippy_client.api.reservations import increase_reserved_stock  # noqa: E402
from whippy_client.api.stocks import create_stock, list_stocks, upsert_stocks  # noqa: E402
from whippy_client.models import AlreadyReported, Reservation, Stock, StockCreate  # noqa: E402


def main():
    url = sys.argv[1]
    requests.post(f"{url}/__admin/reset").raise_for_status()
    client = AuthenticatedClient(base_url=url, token="any", prefix="Token")

    row = StockCreate(provider="shop_provider", location="112", stock=5, sku="generated")
    created = create_stock.sync(client=client, body=row)
    assert isinstance(created, Stock) and created.stock == 5, created
    assert create_stock.sync_detailed(client=client, body=row).status_code == 400

    dated = Reservation.from_dict({"sku": "generated", "location": "112", "date": "2023-05-10"})
    reserved = increase_reserved_stock.sync(client=client, body=dated)
    assert isinstance(reserved, Stock) and reserved.reserved_stock == 1, reserved
    again = increase_reserved_stock.sync(client=client, body=dated)
    assert isinstance(again, AlreadyReported), again

    assert upsert_stocks.sync_detailed(client=client, body=[row]).status_code == 200
    found = list_stocks.sync(client=client, sku="generated")
    assert found.count == 1 and found.results[0].reserved_stock == 1, found
    rows = stock_query.sync(client=client, sku="generated").store_check_result
    assert [row.stock for row in rows] == [5], rows
    print("a generated client creates, reserves, replays, upserts, lists and queries")


if __name__ == "__main__":
    main()
