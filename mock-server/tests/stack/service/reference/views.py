"""The operations. Where the page leaves a choice, the mock's default reading is taken."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Greatest
from django.http import Http404
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import CreateModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from . import serializers
from .filters import StockFilter
from .models import Provider, Reservation, Stock, StockList, StockLocation
from .pagination import PagesWithoutCount

IDENTITY = ["sku", "provider", "location", "stock_type", "period"]


class StockViewSet(CreateModelMixin, ListModelMixin, GenericViewSet):
    queryset = Stock.objects.select_related("provider", "location")
    serializer_class = serializers.StockSerializer
    filterset_class = StockFilter

    @transaction.atomic
    def perform_create(self, serializer):
        if refusal := foreign_location(serializer.validated_data):
            raise ValidationError(refusal)
        if existing(serializer.validated_data):
            raise ValidationError({"stock_exists_error": "Stock already exists."})
        serializer.save()

    @action(methods=["post"], detail=False, serializer_class=serializers.ReservationSerializer)
    def increase_reserved_stock(self, request):
        return self.reserve(request, "increase", 1)

    @action(methods=["post"], detail=False, serializer_class=serializers.ReservationSerializer)
    def decrease_reserved_stock(self, request):
        return self.reserve(request, "decrease", -1)

    @action(detail=False, serializer_class=serializers.SkuSerializer)
    def stock_query(self, request):
        return self.query(request, Stock.objects.all(), F("stock"))

    @action(detail=False, serializer_class=serializers.SkusSerializer)
    def multi_stock_query(self, request):
        return self.query(request, Stock.objects.all(), F("stock"))

    @action(detail=False, serializer_class=serializers.SkuSerializer)
    def salable_stock_query(self, request):
        return self.query(request, Stock.objects.filter(is_active=True), SALABLE)

    @action(detail=False, serializer_class=serializers.SkusSerializer)
    def multi_salable_stock_query(self, request):
        return self.query(request, Stock.objects.filter(is_active=True), SALABLE)

    @action(methods=["post"], detail=False)
    @transaction.atomic
    def insert_or_update_stock(self, request):
        serializer = self.get_serializer(data=request.data, many=isinstance(request.data, list))
        serializer.is_valid(raise_exception=True)
        many, rows = isinstance(request.data, list), serializer.validated_data
        refusals = [foreign_location(row) for row in (rows if many else [rows])]
        if any(refusals):
            raise ValidationError(refusals if many else refusals[0])
        for row in rows if many else [rows]:
            found = existing(row)
            if found is None:
                Stock.objects.create(**row)
                continue
            for name, value in row.items():
                setattr(found, name, value)
            found.save()
        return Response({"Store_checkResult": {}})

    @transaction.atomic
    def reserve(self, request, operation, step):
        serializer = self.get_serializer(data=body_over_query(request))
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        rows = Stock.objects.filter(sku=asked["sku"], location__code=asked["location"])
        if "provider" in asked:
            rows = rows.filter(provider__name=asked["provider"])
        stock = rows.select_for_update().first()
        if stock is None:
            # What `get_object_or_404` says of it.
            raise Http404("No Stock matches the given query.")
        applied = {"operation": operation, "stock": stock, "date": asked.get("date")}
        replayed = applied["date"] and Reservation.objects.filter(**applied).exists()
        nothing_left = operation == "decrease" and stock.reserved_stock <= 0
        if replayed or nothing_left:
            return Response({"message": "Already reported"}, status.HTTP_208_ALREADY_REPORTED)
        if applied["date"]:
            Reservation.objects.create(**applied)
        stock.reserved_stock += step
        stock.save()
        return Response(serializers.StockSerializer(stock).data, status.HTTP_201_CREATED)

    def query(self, request, rows, quantity):
        serializer = self.get_serializer(data=body_over_query(request))
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data["sku"]
        answers = {sku: [] for sku in ([asked] if isinstance(asked, str) else asked)}
        for sku, code, name, amount in rows.filter(sku__in=answers).values_list(
            "sku", "location__code", "location__name", quantity
        ):
            answers[sku].append(
                {
                    "sku": sku,
                    "retail_store_code": code,
                    "retail_store_name": name,
                    "stock": amount,
                }
            )
        return Response(
            {"Store_checkResult": answers[asked] if isinstance(asked, str) else answers}
        )


class ActiveStocks(GenericAPIView):
    queryset = StockList.objects.all()
    serializer_class = serializers.ActiveStockSerializer
    pagination_class = PagesWithoutCount
    filter_backends = []

    def post(self, request, pk):
        self.get_object()
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data.get("sku")
        rows = Stock.objects.filter(is_active=True)
        if asked is not None:
            rows = rows.filter(sku=asked)
        rows = rows.values("sku").annotate(quantity=Sum(SALABLE)).order_by("sku")
        extra = {} if asked is None else {"extra_field": {"locations": None}}
        return self.get_paginated_response(
            [
                {"sku": row["sku"], "stock": row["quantity"], **extra}
                for row in self.paginate_queryset(rows)
            ]
        )


class PlaceViewSet(CreateModelMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    # Nothing is known of filters or sorting here.
    filter_backends = []


class ProviderViewSet(PlaceViewSet):
    queryset = Provider.objects.all()
    serializer_class = serializers.ProviderSerializer


class StockLocationViewSet(PlaceViewSet):
    queryset = StockLocation.objects.all()
    serializer_class = serializers.StockLocationSerializer


class StockListViewSet(PlaceViewSet):
    queryset = StockList.objects.all()
    serializer_class = serializers.StockListSerializer


SALABLE = Greatest(F("stock") - F("reserved_stock"), 0)


def existing(row):
    """The stock a validated row names, or none."""
    lookup = {name: row.get(name, Stock._meta.get_field(name).get_default()) for name in IDENTITY}
    if lookup["period"] is None:
        del lookup["period"]
        lookup["period__isnull"] = True
    return Stock.objects.filter(**lookup).first()


def foreign_location(row):
    """The refusal of a location that is another provider's, else nothing."""
    if row["location"].provider_id == row["provider"].pk:
        return {}
    return {"invalid_location": "Location does not belong to provider."}


def body_over_query(request):
    """The page's tables say query, its examples send a body: both are read, the body wins."""
    body = request.data
    if not isinstance(body, Mapping):
        return body
    if not body:
        return request.query_params
    return {**request.query_params.dict(), **body} if type(body) is dict else body
