"""The filters of `GET /stocks/`, in the order of the page's `filters` block."""

from django_filters import rest_framework as filters

from .models import Stock

COMPARISONS = ["gt", "gte", "lt", "lte", "exact"]


class StockFilter(filters.FilterSet):
    location = filters.CharFilter(field_name="location__code")
    provider = filters.CharFilter(field_name="provider__name")
    location_name = filters.CharFilter(field_name="location__name", lookup_expr="icontains")
    provider_name = filters.CharFilter(field_name="provider__name", lookup_expr="icontains")
    unit_type = filters.ChoiceFilter(choices=Stock.unit_type.field.choices)
    stock_type = filters.ChoiceFilter(choices=Stock.stock_type.field.choices)

    class Meta:
        model = Stock
        # What is declared above comes after these; so it does on the page.
        fields = {
            "sku": ["exact"],
            "stock": COMPARISONS,
            "reserved_stock": COMPARISONS,
            "created_date": COMPARISONS,
            "modified_date": COMPARISONS,
            "is_active": ["exact"],
            "period": ["startswith__gte", "startswith__lte", "endswith__gte", "endswith__lte"],
        }
