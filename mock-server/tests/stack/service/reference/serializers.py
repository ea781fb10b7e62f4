"""The payloads: field order is the order of every rendered body and of every error."""

from drf_extra_fields.fields import DateTimeRangeField
from rest_framework import serializers

from .models import Provider, Stock, StockList, StockLocation


class StockSerializer(serializers.ModelSerializer):
    period = DateTimeRangeField(allow_null=True, required=False)
    provider = serializers.SlugRelatedField("name", queryset=Provider.objects.all())
    location = serializers.SlugRelatedField("code", queryset=StockLocation.objects.all())

    class Meta:
        model = Stock
        fields = [
            "id",
            "created_date",
            "modified_date",
            "period",
            "stock_type",
            "unit_type",
            "provider",
            "location",
            "stock",
            "is_active",
            "sku",
            "reserved_stock",
        ]


class ReservationSerializer(serializers.Serializer):
    sku = serializers.CharField()
    location = serializers.CharField()
    provider = serializers.CharField(required=False)
    date = serializers.DateTimeField(required=False)


class SkuSerializer(serializers.Serializer):
    sku = serializers.CharField()


class SkusSerializer(serializers.Serializer):
    sku = serializers.ListField(child=serializers.CharField())


class ActiveStockSerializer(serializers.Serializer):
    sku = serializers.CharField(required=False)


class ProviderSerializer(serializers.ModelSerializer):
    class Meta:
        model = Provider
        fields = [
            "id",
            "created_date",
            "modified_date",
            "is_active",
            "name",
            "code",
            "should_add_reservations",
        ]


class StockLocationSerializer(serializers.ModelSerializer):
    class Meta:
        model = StockLocation
        fields = ["id", "created_date", "modified_date", "is_active", "name", "code", "provider"]


class StockListSerializer(serializers.ModelSerializer):
    class Meta:
        model = StockList
        fields = [
            "id",
            "created_date",
            "modified_date",
            "is_active",
            "code",
            "name",
            "remote_id",
            "stock_list_rule",
        ]
