"""The documented flow by the client of openapi-generator's `python`: `generated_client` in
the current directory.

    openapi-generator.py URL
"""

import sys

sys.path.insert(0, ".")
import generated_client as api  # noqa: E402


def status(call, **arguments):
    try:
        return call(**arguments).status_code
    except api.ApiException as refused:
        return refused.status


def main():
    configuration = api.Configuration(host=sys.argv[1], api_key={"token": "Token any"})
    client = api.ApiClient(configuration)
    stocks, queries = api.StocksApi(client), api.QueriesApi(client)
    reserve = api.ReservationsApi(client).increase_reserved_stock_with_http_info

    place = {"sku": "generated", "location": api.ReservationLocation("112")}
    row = api.StockCreate(provider="shop_provider", stock=5, **place)
    create = stocks.create_stock_with_http_info
    assert [status(create, stock_create=row) for _ in range(2)] == [201, 400]
    dated = api.Reservation(**place, date="2023-05-10")
    assert [status(reserve, reservation=dated) for _ in range(2)] == [201, 208]
    listed = stocks.list_stocks(sku="generated", page="last").results
    assert [stock.reserved_stock for stock in listed] == [1], listed
    rows = queries.stock_query(sku="generated").store_check_result
    assert [row.stock for row in rows] == [5], rows
    stocks.upsert_stocks(api.StockUpsert([row]))
    print("openapi-generator python: creates, reserves, replays, lists, queries, upserts")


if __name__ == "__main__":
    main()
