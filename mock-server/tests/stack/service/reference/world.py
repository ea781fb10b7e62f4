"""The request that puts the service into a given state."""

import json
from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import HttpResponse
from rest_framework.authtoken.models import Token

from .models import Provider, Reservation, Stock, StockList, StockLocation

USERNAME, PASSWORD = "integrator", "secret"
TOKEN = "f532e" + "0" * 30 + "9332d"


MODELS = [Provider, StockLocation, StockList, Stock, Reservation]
TABLES = [model._meta.db_table for model in MODELS]

# The world that the tables called `kept_…` hold: most resets ask for it again.
kept = b""


def reset_view(request):
    """`POST` with a world in the format of `fixtures/worlds/`: 204 when it stands."""
    global kept
    with transaction.atomic(), connection.cursor() as cursor:
        # Not through the models: they would read what they delete, and a period
        # beyond the year 9999 can be written but not read.
        for table in reversed(TABLES):
            cursor.execute(f"DELETE FROM {table}")
        world = json.loads(request.body)
        if request.body == kept:
            for table in TABLES:
                cursor.execute(f"INSERT INTO {table} TABLE kept_{table}")
        else:
            load(world)
            for table in TABLES:
                cursor.execute(f"DROP TABLE IF EXISTS kept_{table}")
                cursor.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
            kept = request.body
        count_on(Stock, world["next_stock_id"], world["stock_id_step"])
        for model, part in (
            (Provider, "providers"),
            (StockLocation, "stock_locations"),
            (StockList, "stock_lists"),
        ):
            count_on(model, len(world[part]) + 1, 1)
    return HttpResponse(status=204)


def load(world):
    providers = insert(Provider, world["providers"])
    by_id = {provider.id: provider for provider in providers}
    by_name = {provider.name: provider for provider in providers}
    locations = insert(
        StockLocation,
        [row | {"provider": by_id[row["provider"]]} for row in world["stock_locations"]],
    )
    by_code = {location.code: location for location in locations}
    insert(
        StockList,
        [{key: row[key] for key in row if key != "locations"} for row in world["stock_lists"]],
    )
    insert(
        Stock,
        [
            row | {"provider": by_name[row["provider"]], "location": by_code[row["location"]]}
            for row in world["stocks"]
        ],
    )
    if not User.objects.exists():
        user = User.objects.create_user(USERNAME, password=PASSWORD)
        Token.objects.create(user=user, key=TOKEN)


def insert(model, rows):
    records = model.objects.bulk_create(model(**row) for row in rows)
    # `auto_now` has overwritten the world's dates; a bulk update goes past it.
    dates = ("created_date", "modified_date")
    for record, row in zip(records, rows, strict=True):
        for name in dates:
            setattr(record, name, datetime.fromisoformat(row[name]))
    model.objects.bulk_update(records, dates)
    return records


def count_on(model, start, step):
    sequence = f"{model._meta.db_table}_id_seq"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SEQUENCE {sequence} INCREMENT BY {step} RESTART WITH {start}")
