"""The routes: the API's, and `__reference/reset`, which only the comparison calls."""

from dj_rest_auth.views import LoginView
from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from . import views, world

router = SimpleRouter()
router.register("stocks", views.StockViewSet)
router.register("providers", views.ProviderViewSet)
router.register("stock-locations", views.StockLocationViewSet)
router.register("stock-lists", views.StockListViewSet)

urlpatterns = [
    path("__reference/reset", world.reset_view),
    path("api/v1/auth/login/", LoginView.as_view()),
    path("api/v1/", include(router.urls)),
    # The page gives both paths. The second comes after the router's, so that
    # the named actions below `stocks/` win over a list called like them.
    re_path(r"^api/v1/active-stocks/(?P<pk>[^/.]+)/$", views.ActiveStocks.as_view()),
    re_path(r"^api/v1/stocks/(?P<pk>[^/.]+)/$", views.ActiveStocks.as_view()),
]
