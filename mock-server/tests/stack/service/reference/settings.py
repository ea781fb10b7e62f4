"""What the page shows (Istanbul time, tokens, `sort`, `limit`), else the stack's defaults."""

import os

SECRET_KEY = "only ever used on loopback"
DEBUG = False
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework.authtoken",
    "dj_rest_auth",
    "django_filters",
    "reference",
]

# `startproject`'s list without sessions, CSRF and messages: the API uses tokens.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "reference.urls"
WSGI_APPLICATION = "reference.wsgi.application"

# The rest of the address comes from libpq's own variables: PGHOST, PGPORT, PGUSER.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE", "whippy"),
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "Europe/Istanbul"
USE_I18N = True
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "reference.pagination.Pages",
    "DEFAULT_METADATA_CLASS": "reference.metadata.MetadataWithFilters",
    "ORDERING_PARAM": "sort",
}
REST_AUTH = {"SESSION_LOGIN": False}

# Django's own logging would mail errors. Building that mail reads the query string
# again, and a request refused for its 1001 query fields then ends as gunicorn's 500
# in place of Django's 400.
LOGGING_CONFIG = None

# One fixed user; hashing a password slowly would only slow the login probes.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
