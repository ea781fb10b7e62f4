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


def reset_view(request):
    """`POST` with a world in the format of `fixtures/worlds/`: 204 when it stands."""
    reset(json.loads(request.body))
    return HttpResponse(status=204)


@transaction.atomic
def reset(world):
    # Not through the models: they would read what they delete, and a period
    # beyond the year 9999 can be written but not read.
    with connection.cursor() as cursor:
        for model in (Reservation, Stock, StockLocation, Provider, StockList):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
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
    count_on(Stock, world["next_stock_id"], world["stock_id_step"])
    for model in (Provider, StockLocation, StockList):
        count_on(model, model.objects.count() + 1, 1)
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
        cursor.execute("SELECT increment_by FROM pg_sequences WHERE sequencename = %s", [sequence])
        if cursor.fetchone() != (step,):
            cursor.execute(f"ALTER SEQUENCE {sequence} INCREMENT BY {step}")
        cursor.execute("SELECT setval(%s, %s, false)", [sequence, start])
