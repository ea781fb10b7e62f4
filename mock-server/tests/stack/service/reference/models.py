"""The tables, as the page's payloads suggest them."""

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models


class Dated(models.Model):
    created_date = models.DateTimeField(auto_now_add=True)
    modified_date = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        ordering = ["id"]


class Provider(Dated):
    is_active = models.BooleanField(default=True)
    name = models.CharField(max_length=255, unique=True)
    code = models.CharField(max_length=255, unique=True)
    should_add_reservations = models.BooleanField(default=True)


class StockLocation(Dated):
    is_active = models.BooleanField(default=True)
    name = models.CharField(max_length=255)
    code = models.CharField(max_length=255, unique=True)
    provider = models.ForeignKey(Provider, models.PROTECT)


class StockList(Dated):
    is_active = models.BooleanField(default=True)
    code = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=255)
    remote_id = models.IntegerField(null=True, blank=True)
    # A foreign key in the vendor's service; the rules themselves are not part of this contract.
    stock_list_rule = models.IntegerField(null=True, blank=True)


class Stock(Dated):
    period = DateTimeRangeField(null=True, blank=True)
    stock_type = models.CharField(
        max_length=16,
        choices=[("standard", "standard"), ("scheduled", "scheduled")],
        default="standard",
    )
    unit_type = models.CharField(
        max_length=16, choices=[("qty", "qty"), ("kg", "kg")], default="qty"
    )
    provider = models.ForeignKey(Provider, models.PROTECT)
    location = models.ForeignKey(StockLocation, models.PROTECT)
    stock = models.IntegerField()
    is_active = models.BooleanField(default=True)
    sku = models.CharField(max_length=64)
    reserved_stock = models.IntegerField(default=0)


class Reservation(models.Model):
    """A dated reservation that was applied: sent again, it is `Already reported`."""

    operation = models.CharField(max_length=16)
    stock = models.ForeignKey(Stock, models.CASCADE)
    date = models.DateTimeField()
