"""The documented flow with the models that datamodel-code-generator made, over `requests`:
`models.py` in the current directory.

    datamodel.py URL
"""

import sys

import requests

sys.path.insert(0, ".")
import models  # noqa: E402


def main():
    session = requests.Session()
    session.headers.update({"Authorization": "Token any", "Content-Type": "application/json"})
    stocks = f"{sys.argv[1]}/api/v1/stocks/"

    def post(path, model):
        body = model.model_dump_json(exclude_unset=True)
        return session.post(f"{stocks}{path}", data=body)

    place = {"sku": "generated", "location": "112"}
    row = models.StockCreate(provider="shop_provider", stock=5, **place)
    created = post("", row)
    assert models.Stock.model_validate_json(created.text).stock == 5
    assert post("", row).status_code == 400
    dated = models.Reservation(**place, date="2023-05-10")
    reserved = [post("increase_reserved_stock/", dated).status_code for _ in range(2)]
    assert reserved == [201, 208], reserved
    listed = session.get(stocks, params={"sku": "generated", "page": "last"})
    results = models.StockPage.model_validate_json(listed.text).results
    assert [stock.reserved_stock for stock in results] == [1], results
    queried = session.get(f"{stocks}stock_query/", params={"sku": "generated"})
    rows = models.StoreCheckResult.model_validate_json(queried.text).store_check_result
    assert [row.stock for row in rows] == [5], rows
    assert post("insert_or_update_stock/", models.StockUpsert([row])).status_code == 200
    print("datamodel-code-generator: creates, reserves, replays, lists, queries, upserts")


if __name__ == "__main__":
    main()
