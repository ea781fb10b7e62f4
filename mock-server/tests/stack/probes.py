"""The requests to compare: every table below is one corner of the API, crossed with odd input.

`all_probes()` yields them; a probe says what is sent, byte for byte, and which
requests go before it. Nothing here knows an answer: the reference gives it.
"""

import json
from dataclasses import dataclass, field, replace
from random import Random
from urllib.parse import quote
from zlib import crc32

TOKEN = "f532e" + "0" * 30 + "9332d"
# One host for both services, or the links of their pages would differ.
HOST = "whippy.example:8000"

STOCKS = "/api/v1/stocks/"
INCREASE = STOCKS + "increase_reserved_stock/"
DECREASE = STOCKS + "decrease_reserved_stock/"
STOCK_QUERY = STOCKS + "stock_query/"
MULTI_QUERY = STOCKS + "multi_stock_query/"
SALABLE_QUERY = STOCKS + "salable_stock_query/"
MULTI_SALABLE_QUERY = STOCKS + "multi_salable_stock_query/"
UPSERT = STOCKS + "insert_or_update_stock/"
ACTIVE = "/api/v1/active-stocks/1/"
PROVIDERS = "/api/v1/providers/"
LOCATIONS = "/api/v1/stock-locations/"
LISTS = "/api/v1/stock-lists/"
LOGIN = "/api/v1/auth/login/"

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
SKU = "555AB1300456213004"


@dataclass(frozen=True)
class Probe:
    name: str
    method: str
    path: str
    headers: tuple = ()
    body: bytes = b""
    token: str | None = "Token " + TOKEN
    host: str = HOST
    before: tuple = field(default=(), repr=False)
    # Set where the two may differ: why the answer is recorded but not compared.
    apart: str = ""

    @property
    def writes(self):
        return self.method not in ("GET", "HEAD", "OPTIONS")

    def request(self):
        """The bytes that go over the wire."""
        headers = [("Host", self.host), ("Connection", "close"), *self.headers]
        if self.token is not None:
            headers.append(("Authorization", self.token))
        sized = any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers)
        if not sized and (self.body or self.method in ("POST", "PUT", "PATCH")):
            headers.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers)]
        return b"\r\n".join(map(octets, lines)) + b"\r\n\r\n" + self.body


def octets(line):
    """Characters below 256 stand for the byte of that number; a line with others is UTF-8."""
    return line.encode("latin-1" if max(line) < "\u0100" else "utf-8")


def get(name, path, *headers, **more):
    return Probe(name, "GET", path, headers, **more)


def post(name, path, body, *headers, **more):
    """A JSON body, unless the headers name another type. Text goes as it stands."""
    if not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    if not any(key.lower() == "content-type" for key, _ in headers):
        headers = (JSON, *headers)
    return Probe(name, "POST", path, headers, body, **more)


# ---------------------------------------------------------------- JSON values

NUMBERS = [
    "0", "-0", "1", "5", "-1", "-5", "7.0", "5.5", "-0.0", "0.1", "1e2", "1E2", "1e+2", "1e-2",
    "1.5e1", "1e15", "123456789012345680.0", "1e16", "1e22", "1e-7", "0.0001", "0.00001",
    "2.5e-8", "1e400", "-1e400", "1e-400", "2147483647", "2147483648", "-2147483648",
    "-2147483649", "9223372036854775807", "9223372036854775808", "18446744073709551616",
    "1" + "0" * 40, "1" + "0" * 400, "0.1e1", "100e-2", "3.0000000000000001", "9007199254740993",
    "9007199254740993.0", "1.7976931348623157e308", "5e-324", "123456789.123456789",
    "12345678901234567890.5", "-1.0", "2", "2.0", "0.0", "1.0", "1.00", "1.5", "1.9999999999999999",
]  # fmt: skip

STRINGS = [
    "", " ", "  ", "0", "1", "5", "-5", "+5", " 5 ", "\t5\n", "5.", "5.0", "5.00", "5.5", ".5",
    "5.0.0",
    "5,0", "1_000", "1__000", "_1", "1_", "1,000", "1e2", "5e0", "0x1", "0b1", "٥", "١٢", "٥.0",
    "५",
    "²", "Ⅴ", "5\u2003", "\u20035", "\u00a05", "\u30005", "\u200b5", "5\x1c", "\x1f5", "\x1c٥",
    "5\x1c\u2003", "\x855", "\ufeff5",
    "5\x0b", "5\x0c", "5\r\n", "--5", "+-5", "- 5", "5 0", "NaN", "nan", "inf", "Infinity", "-inf",
    "abc", "true", "True", "TRUE", "tRUE", "t", "T", "TrUe", "y", "Y", "yes", "YES", "Yes", "yEs",
    "on",
    "ON", "On", "off", "OFF", "Off", "n", "N", "no", "No", "NO", "f", "F", "false", "False",
    "FALSE",
    "null", "Null", "NULL", "none", "None", "maybe", " true ", "1.0", "2", "-1", "2147483647",
    "2147483648", "-2147483649", "9" * 30, "9" * 999, "9" * 1000, "9" * 1001, " " * 998 + "5",
    " " * 1000 + "5",
    "0" * 999 + "5", "5.000000", "5.0000000000001", "00005", "-0", "5\x00", "\x00", "a\x00b",
    "standard", "scheduled", "Standard", " standard ", "standard ", "qty", "kg", "QTY", "quantity",
    "kilogram",
    "shop_provider", "other_provider", "Shop_Provider", " shop_provider ", "110", " 110 ", "900",
    "nope",
    "a" * 16, "a" * 17, "a" * 63, "a" * 64, "a" * 65, " " + "a" * 64 + " ", "ç" * 64, "ç" * 65,
    "🙂" * 64, "🙂" * 65,
    "a" * 255, "a" * 256, "\u2003a\u2003", "\x1ca\x1c", "\x85a\x85", "\u200ba", "\u2028", "\u2029",
    "a\u2028b", "a\tb\nc",
    "\x7f", "\x01", "\\", "/", "</script>", "<&>'\"", "it's", 'say "x"', "İstanbul", "ı", "ß", "ﬁ",
    "e\u0301", "\ufffd", "\ufffe", "\uffff",
    "2024-01-01T00:00:00Z", "2024-01-01",
]  # fmt: skip

OTHERS = [
    "null", "true", "false", "[]", "{}", "[1]", '["a"]', '["110"]', "[null]", "[[]]",
    "[1, 2.5, \"x\", true, null]",
    '{"a": 1}', '{"a": [1, {"b": null}]}', '{"code": "110"}', '"\\ud800"', '"a\\ud800b"',
    '"\\udc00"', '"\\udfff\\ud800"',
    '"\\ud83d\\ude00"', '"\\u00e7"', '"\\/"', '"\\b\\f\\n\\r\\t"', '["\\ud800"]', '["it\'s"]',
    '["a\\"b"]', '["it\'s \\"x\\""]',
    '["\\n\\t\\u0001\\u007f\\u0085\\u00a0\\u2028\\ue000\\ud83d\\ude00\\\\"]',
    "[1e16, 1e-5, 1e400, -0.0, 1e2]", '["ç", "\u3000"]',
]  # fmt: skip

VALUES = [*NUMBERS, *(json.dumps(text, ensure_ascii=False) for text in STRINGS), *OTHERS]


def label(text):
    """A name for a value: short, printable on one line, and its own."""
    shown = json.dumps(text)[1:-1] if not text.isprintable() or "\\" in text else text
    return shown if len(shown) <= 72 else f"{shown[:60]}…{crc32(text.encode()):08x}"


def create_body(**changed):
    """The least a create takes, and changes to it: JSON text a field, None to leave it out."""
    row = {"provider": '"shop_provider"', "location": '"112"', "stock": "5", "sku": '"500"'}
    row |= changed
    return object_text(row)


def object_text(row):
    members = ", ".join(f'"{name}": {text}' for name, text in row.items() if text is not None)
    return "{" + members + "}"


WRITABLE = [
    "period", "stock_type", "unit_type", "provider", "location", "stock", "is_active", "sku",
    "reserved_stock",
]  # fmt: skip


def fields():
    """Every field a client can send, with every value."""
    for name in WRITABLE:
        for value in VALUES:
            yield post(f"create/{name}={label(value)}", STOCKS, create_body(**{name: value}))
    for name in ("id", "created_date", "modified_date", "unknown"):
        for value in ("null", "99", '"x"', "{}"):
            yield post(f"create/{name}={label(value)}", STOCKS, create_body(**{name: value}))
    reservation = {"sku": f'"{SKU}"', "location": '"110"'}
    for name in ("sku", "location", "provider", "date"):
        for value in VALUES:
            body = object_text(reservation | {name: value})
            yield post(f"increase/{name}={label(value)}", INCREASE, body)
    for value in VALUES:
        yield post(
            f"active/sku={label(value)}",
            ACTIVE,
            object_text({"sku": value}),
        )
        for operation, path in (("stock-query", STOCK_QUERY), ("multi-query", MULTI_QUERY)):
            body = object_text({"sku": value})
            yield Probe(f"{operation}/sku={label(value)}", "GET", path, (JSON,), body.encode())
    place = {"name": '"n"', "code": '"c"'}
    for name in ("is_active", "name", "should_add_reservations"):
        for value in VALUES:
            yield post(
                f"provider/{name}={label(value)}", PROVIDERS, object_text(place | {name: value})
            )
    for name in ("code", "provider"):
        for value in VALUES:
            body = object_text(place | {"provider": "1"} | {name: value})
            yield post(f"location/{name}={label(value)}", LOCATIONS, body)
    for name in ("code", "remote_id"):
        for value in VALUES:
            yield post(f"list/{name}={label(value)}", LISTS, object_text(place | {name: value}))
    for name in ("username", "password"):
        for value in VALUES:
            body = object_text({"username": '"integrator"', "password": '"secret"'} | {name: value})
            yield post(f"login/{name}={label(value)}", LOGIN, body, token=None)


# ------------------------------------------------------- combinations of fields


def combinations():
    """Several things wrong at once, and what is right together."""
    for name in ("provider", "location", "stock", "sku"):
        yield post(f"create/without {name}", STOCKS, create_body(**{name: None}))
    bodies = {
        "nothing": "{}",
        "every field bad": object_text({name: "[]" for name in WRITABLE}),
        "every field null": object_text({name: "null" for name in WRITABLE}),
        "every field blank": object_text({name: '""' for name in WRITABLE}),
        "every field, last first": object_text({name: "{}" for name in reversed(WRITABLE)}),
        "the page's own": create_body(
            period="null",
            stock_type='"standard"',
            unit_type='"qty"',
            location='"110"',
            is_active="true",
            sku=f'"{SKU}"',
            reserved_stock="0",
        ),
        "exists": create_body(location='"110"', sku=f'"{SKU}"'),
        "exists, other type": create_body(
            location='"110"', sku=f'"{SKU}"', stock_type='"scheduled"'
        ),
        "exists, other unit": create_body(location='"110"', sku=f'"{SKU}"', unit_type='"kg"'),
        "exists, inactive": create_body(location='"110"', sku=f'"{SKU}"', is_active="false"),
        "exists, with a period": create_body(
            location='"110"', sku=f'"{SKU}"', period='{"lower": "2024-01-01T00:00:00Z"}'
        ),
        "exists, and a bad field": create_body(location='"110"', sku=f'"{SKU}"', stock='"x"'),
        "exists, sku padded": create_body(location='"110"', sku=f'" {SKU} "'),
        "exists, sku in lower case": create_body(location='"110"', sku=f'"{SKU.lower()}"'),
        "foreign location": create_body(location='"900"'),
        "foreign location, and a bad field": create_body(location='"900"', stock='"x"'),
        "foreign provider": create_body(provider='"other_provider"'),
        "other provider's own location": create_body(provider='"other_provider"', location='"900"'),
        "location as a number": create_body(location="110"),
        "location as a float": create_body(location="110.0"),
        "unknown provider and location": create_body(provider='"x"', location='"y"'),
        "duplicate keys, last wins": '{"provider": "x", "provider": "shop_provider", "location": "112", "stock": 5, "sku": "500"}',
        "everything": create_body(
            period='{"lower": "2024-01-01T00:00:00Z", "upper": "2024-02-01T00:00:00Z"}',
            stock_type='"scheduled"',
            unit_type='"kg"',
            is_active="false",
            reserved_stock="-3",
        ),
        "unicode sku": create_body(sku='"ş/<ü>&\\u2028🙂\\u0001"'),
    }
    for name, body in bodies.items():
        yield post(f"create/{name}", STOCKS, body)
    created = post("", STOCKS, create_body())
    yield post("create/twice", STOCKS, create_body(), before=(created,))
    yield post("create/ids go by two", STOCKS, create_body(sku='"501"'), before=(created,))
    refused = post("", STOCKS, create_body(stock='"x"'))
    yield post("create/a refusal takes no id", STOCKS, create_body(), before=(refused,))
    period = '{"lower": "2024-01-01T00:00:00Z"}'
    later = post("", STOCKS, create_body(period=period))
    yield post(
        "create/same instant, other offset",
        STOCKS,
        create_body(period='{"lower": "2024-01-01T03:00:00+03:00"}'),
        before=(later,),
    )
    yield post(
        "create/other period",
        STOCKS,
        create_body(period='{"lower": "2024-01-01T03:00:01+03:00"}'),
        before=(later,),
    )
    yield post("create/no period beside one", STOCKS, create_body(), before=(later,))
    yield get("create/then listed", STOCKS, before=(created,))


# ------------------------------------------------------------------- date-times

DATE_TIMES = [
    "2024-01-01T00:00:00Z", "2024-01-01T00:00:00z", "2024-01-01t00:00:00Z", "2024-01-01 00:00:00Z",
    "2024-01-01_00:00:00Z",
    "2024-01-01x00:00:00", "2024-01-01ç00:00:00", "2024-01-01🙂00:00:00", "2024-01-01-00:00:00",
    "2024-01-01000:00:00",
    "2024-01-01T00:00:00", "2024-01-01T00:00", "2024-01-01T00", "2024-01-01T", "2024-01-01",
    "2024-01", "2024", "2024-1-1", "2024-1-01",
    "24-01-01", "02024-01-01", "12024-01-01T00:00:00", "+2024-01-01T00:00:00",
    "-2024-01-01T00:00:00",
    "20240101", "20240101T000000", "20240101T000000Z", "20240101T0000", "20240101T00",
    "20240101 000000", "20240101T00:00:00", "2024-01-01T000000",
    "2024-0101", "202401-01", "2024-01-01T0000", "2024-01-01T00:0000", "2024-01-01T0000:00",
    "2024-W01-1", "2024-W01", "2024W011", "2024W01", "2024-W01-1T10:00", "2024W011T1000",
    "2024-W53-1", "2020-W53-7", "2020-W53-7T23:59:59Z", "2024-W00-1",
    "2024-W01-0", "2024-W01-8", "2024-w01-1", "2024-W1-1", "2024-W011", "2024W01-1",
    "2024-W01T10:00", "2024W01T1000",
    "2024-001", "2024001", "2024-366", "2024-001T00:00:00",
    "2024-02-29", "2023-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-01",
    "2024-01-00", "2024-01-32", "0000-01-01", "9999-12-31",
    "2024-01-01T24:00:00", "2024-01-01T24:00", "2024-01-01T24", "2024-01-01T23:60:00",
    "2024-01-01T23:59:60", "2024-01-01T25:00", "2024-01-01T7:00", "2024-01-01T07:0",
    "2024-01-01T7:0:0", "2024-1-1T7:0", "2024-1-1 7:00:00", "2024-1-1T07:00:00.5+03",
    "2024-01-01T00:00:00.1", "2024-01-01T00:00:00.12", "2024-01-01T00:00:00.123",
    "2024-01-01T00:00:00.1234", "2024-01-01T00:00:00.12345",
    "2024-01-01T00:00:00.123456", "2024-01-01T00:00:00.1234567", "2024-01-01T00:00:00.123456789",
    "2024-01-01T00:00:00.1234567890", "2024-01-01T00:00:00.999999999", "2024-01-01T00:00:00.",
    "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00,5", "2024-01-01T00:00:00,123456Z",
    "2024-01-01T00:00:00,", "2024-01-01T00:00.5", "2024-01-01T00.5", "2024-01-01T00:00:00.1a",
    "2024-01-01T00:00:00.123456a", "2024-01-01T00:00:00.1234567a", "2024-01-01T00:00:00.1 ",
    "2024-01-01T00:00:00:00", "2024-01-01T00:00:00.-1",
    "2024-01-01T00:00:00+03:00", "2024-01-01T00:00:00+0300", "2024-01-01T00:00:00+03",
    "2024-01-01T00:00:00+3", "2024-01-01T00:00:00+3:00", "2024-01-01T00:00:00+03:0",
    "2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00+00",
    "2024-01-01T00:00:00-03:30", "2024-01-01T00:00:00+14:00", "2024-01-01T00:00:00-12:00",
    "2024-01-01T00:00:00+23:59", "2024-01-01T00:00:00-23:59", "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00-24:00", "2024-01-01T00:00:00+23:60", "2024-01-01T00:00:00+03:60",
    "2024-01-01T00:00:00+99:99", "2024-01-01T00:00:00+03:00:00", "2024-01-01T00:00:00+03:00:30",
    "2024-01-01T00:00:00+030030", "2024-01-01T00:00:00+03:00:30.5",
    "2024-01-01T00:00:00+03:00:30.123456", "2024-01-01T00:00:00+030030.123456",
    "2024-01-01T00:00:00+23:59:59.999999", "2024-01-01T00:00:00+03:00:60",
    "2024-01-01T00:00:00 +03:00", "2024-01-01T00:00:00 03:00", "2024-01-01T00:00:00 Z",
    "2024-01-01T00:00:00+03:00Z", "2024-01-01T00:00:00ZZ", "2024-01-01T00:00:00Z+03:00",
    "2024-01-01T00:00:00UTC", "2024-01-01T00:00:00GMT", "2024-01-01T00:00:00−03:00",
    "2024-01-01T00:00:00+-3:00", "2024-01-01T00:00:00++03", "2024-01-01T00:00:00+",
    "2024-01-01T00:00:00-", "2024-01-01T00:00:00.5+03:00", "2024-01-01T00:00:00.5Z",
    "2024-01-01T00:00Z", "2024-01-01T00:00+03:00", "2024-01-01T00Z", "2024-01-01T00+03",
    "2024-01-01Z", "2024-01-01+03:00", "2024-01-01TZ", "2024-01-01T+03:00", "20240101Z",
    "20240101T00Z", "20240101T000000+0300", "20240101T000000.5Z", "2024-01-01T00:00:0Z",
    "2024-01-01T00:00:00.5 +03:00", "2024-01-01T00:00:00  +03:00",
    " 2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z ", "2024-01-01T00:00:00Z\n",
    "2024-01-01T00:00:00\n", "2024-01-01\n", "\t2024-01-01", "2024-01-01T00:00:00\u2003",
    "\u30002024-01-01", "2024-01-01T00:00:00\x00", "2024-01-01 ", "2024-01-01T ", "2024-01-01T00 ",
    "٢٠٢٤-٠١-٠١T٠٠:٠٠:٠٠", "٢٠٢٤-٠١-٠١", "2024-01-01T00:00:00.١٢٣", "2024-01-01T00:00:0٠",
    "２０２４-01-01T00:00", "2024-01-01T00:00+٠٣:00",
    "2024/01/01", "01/01/2024", "01/01/2024 10:00", "10/25/06", "10/25/2006 14:30",
    "10/25/2006 14:30:59", "10/25/2006 14:30:59.5", "2006-10-25 14:30:59.000200",
    "2006-10-25 14:30", "Jan 1 2024", "now", "today", "1704067200", "1704067200.5", "1e9", "0", "",
    " ", "null", "T", "Z", "infinity", "-infinity",
    "2024-01-01T00:00:00+03:00[Europe/Istanbul]", "2024-01-01T00:00:00 Europe/Istanbul",
    "20240101000000", "202401010000", "2024-01-01T1", "2024-01-01T12:3", "2024-01-01T12:30:4",
    "2024-01-01T12:30:45.6.7", "2024-01-01T12-30-45", "2024-01-01T12.30.45", "2024:01:01T12:30:45",
    "2024-01-01T12:30:45+03:00:00.000000", "2024-01-01T12:30:45+00:00:01",
]  # fmt: skip

# At the last year, an offset reaches over the edge of the calendar.
LAST_YEAR = [
    "9999-12-31T23:59:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59+03:00",
    "9999-12-31T20:59:59Z", "9999-12-31T21:00:00Z", "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:59.999999+03:00", "9999-12-31T24:00:00", "9999-W52-5", "9999-W53-1",
    "10000-01-01T00:00:00Z",
]  # fmt: skip

# Istanbul kept +02:00 in winter until September 2016, local mean time before 1910;
# the mock's offset is one for all years.
OLD_DATES = [
    "2016-09-06T23:59:59", "2016-03-27T03:30:00", "2016-03-27T02:59:59", "2015-11-08T03:30:00",
    "2015-03-29T03:30:00", "2010-01-01T00:00:00Z", "2010-07-01T00:00:00Z", "1970-01-01",
    "1900-01-01T00:00:00Z", "1910-09-30T12:00:00", "1800-01-01T00:00:00",
    "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+03:00",
    "0001-01-01T00:00:00-03:00", "0001-01-01T03:00:00+03:00", "0001-01-02T00:00:00+23:59",
    "0001-W01-1",
]  # fmt: skip

ZONE = "the mock keeps one offset, the service the history of Istanbul's"

DATE_FILTERS = ["created_date__gt", "modified_date__lt", "period__startswith__gte"]


def date_times():
    """Every spelling, through a field that shows what was understood, a field, and a filter."""
    for text in DATE_TIMES + LAST_YEAR + OLD_DATES:
        apart = ZONE if text in OLD_DATES else ""
        quoted = json.dumps(text, ensure_ascii=False)
        body = create_body(period='{"lower": ' + quoted + "}")
        yield post(f"date-time/shown/{label(text)}", STOCKS, body, apart=apart)
        body = object_text({"sku": f'"{SKU}"', "location": '"110"', "date": quoted})
        yield post(f"date-time/reservation/{label(text)}", INCREASE, body, apart=apart)
        path = STOCKS + "?created_date__gte=" + quote(text, safe="")
        yield get(f"date-time/created_date__gte={label(text)}", path, apart=apart)
    # Filters against known dates: an instant, spelled in several ways, on either side.
    instants = [
        "2023-05-10T13:37:18.209869+03:00", "2023-05-10T10:37:18.209869Z",
        "2023-05-10T13:37:18.209869", "2023-05-10 13:37:18.209869",
        "2023-05-10T13:37:18,209869", "2023-05-10T13:37:18.2098699", "2023-05-10T13:37:18.20987",
        "20230510T133718.209869", "2023-W19-3T13:37:18.209869+03",
        "2023-05-10T13:37:18.209869+03:00:00", "2023-05-10T10:37:48.209869+00:00:30",
        "2023-05-10T13:37:18", "2023-05-10", "2023-05-11", "2023-05-10T24:00",
        " 2023-05-10T13:37:18.209869 ", "2023-05-10T13:37:18.210018",
        "2023-05-10T15:15:03.254957+03:00",
    ]  # fmt: skip
    for text in instants:
        for name in ("created_date", "modified_date"):
            for lookup in ("", "__gt", "__gte", "__lt", "__lte"):
                path = f"{STOCKS}?{name}{lookup}=" + quote(text, safe="")
                yield get(f"date-time/{name}{lookup}={text}", path)
    # A plus sign that was not escaped is a space.
    for text in ("2023-05-10T13:37:18.209869+03:00", "2023-05-10+13:37:18.209869", "+2023-05-10+"):
        yield get(f"date-time/raw plus {text}", f"{STOCKS}?created_date={text}")
    for name in DATE_FILTERS:
        for text in (
            "",
            " ",
            "x",
            "%00",
            "2023-05-10%00",
            "2023-05-10&" + name + "=",
            "x&" + name + "=2023-05-10",
        ):
            yield get(f"date-time/{name}={text}", f"{STOCKS}?{name}={escaped(text)}")


# ---------------------------------------------------------------------- filters

TEXT_VALUES = [
    "", " ", "%20%20", SKU, SKU.lower(), " " + SKU, SKU + "%20", SKU + "%0A", "%E2%80%83" + SKU,
    SKU[:5], "%00", "a%00", "%FF", "%C3", "%ED%A0%80", "%", "%zz", "%2", "+", "%2B", "%u0041",
    "110", "0110", "110,112", "11", "1%25", "1_0", "_", "%25", "%5C", "'", "%22", "shop_provider",
    "SHOP_PROVIDER", "shop", "PROVIDER", "p_p", "%C4%B0", "1", "null", "None", "%F0%9F%99%82",
]  # fmt: skip

CHOICE_VALUES = [
    "", " ", "qty", "kg", "QTY", "qty%20", " qty", "quantity", "kilogram", "standard", "scheduled",
    "Standard", "standard,scheduled", "null", "x", "%00", "%FF", "<b>", "%22", "%27", "%E2%80%A8",
    "1",
]  # fmt: skip

BOOLEAN_VALUES = [
    "true", "True", "TRUE", "tRuE", "1", "01", "1.0", "+1", " true", "true%20", "t", "yes", "on",
    "false", "False", "0", "-0", "00", "off", "no", "", " ", "null", "none", "maybe", "unknown",
    "2", "3", "%00", "%FF", "%C4%B0",
]  # fmt: skip

NUMBER_VALUES = [
    "5", "+5", "%2B5", "-5", "--5", "%2B-1", "-%2B1", "5.0", "5.", ".5", "5.5", "-5.5", "0.5",
    "-0.5", "4.999999", "1e0", "5e0", "50e-1", "5E0", "5e", "e5", "1e1", "1e50", "1.0e50", "1e51",
    "10e50", "1e49", "-1e51", "-1e50", "1e400", "-1e400", "1e-400", "1e1000000", "1e9999999999",
    "1e-9999999999", "1e1000000000000000000", "0e999999999",
    "9" * 50, "9" * 51, "1" + "0" * 50, "1" + "0" * 50 + ".5", "1" + "0" * 50 + "1", "9" * 400,
    "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807",
    "9223372036854775808", "1_0", "1__0", "_1", "1_", "5_", "5_.0", "5._0", "1_0.0_1", "1e1_0",
    "0x5", "0b1", "5L", "5f", "5d",
    "NaN", "nan", "-nan", "sNaN", "snan123", "nan123", "inf", "-inf", "Inf", "infinity", "Infinity",
    "-Infinity", "%2Binf", "infinit", "1,5", "1,000", "1.000,5", "1 000", "%C2%A05", "%E2%80%835",
    "5%E2%80%83", "5%0A", "%1C5", "%C2%855", "%E2%80%8B5", "%D9%A5", "%D9%A5.%D9%A5",
    "%D9%A1%D9%A2", "%EF%BC%95", "%C2%B2", "%E2%85%A4", "", " ", "%20%20", "abc", "5abc", "5 5",
    "%00", "5%00", "%FF", "true", "null", "None", "()", "5%", "%255", "0", "-0", "00005", "0.0",
    "-0.0", "0" * 400 + "5", "5.%30", "५", "1.5e1", ".5e1", "5.e0", ".", "-", "%2B", "e", "1e%2B0",
    "1e--0", "5..0", "5-", "$5", "£5",
]  # fmt: skip

FILTERS = {
    "sku": TEXT_VALUES,
    "location": TEXT_VALUES,
    "provider": TEXT_VALUES,
    "location_name": TEXT_VALUES,
    "provider_name": TEXT_VALUES,
    "unit_type": CHOICE_VALUES,
    "stock_type": CHOICE_VALUES,
    "is_active": BOOLEAN_VALUES,
    "stock": NUMBER_VALUES,
    "stock__gt": NUMBER_VALUES,
    "stock__gte": NUMBER_VALUES,
    "stock__lt": NUMBER_VALUES,
    "stock__lte": NUMBER_VALUES,
    "reserved_stock": NUMBER_VALUES[:24],
    "reserved_stock__gt": NUMBER_VALUES[:24],
    "reserved_stock__gte": NUMBER_VALUES[:24],
    "reserved_stock__lt": NUMBER_VALUES[:24],
    "reserved_stock__lte": NUMBER_VALUES[:24],
}

FILTER_QUERIES = [
    "stock=x&sku=%00&unit_type=x&stock_type=y&created_date=z&is_active=w&location=%00&provider=%00&location_name=%00&provider_name=%00",
    "stock_type=y&unit_type=x", "stock=x&stock__gt=x&stock__gte=x&stock__lt=x&stock__lte=x",
    "stock__lte=x&stock__lt=x&stock__gte=x&stock__gt=x&stock=x",
    "modified_date=x&created_date=x&reserved_stock=x&stock=x&sku=%00",
    "created_date__gt=x&created_date__gte=x&created_date__lt=x&created_date__lte=x&created_date=x&modified_date__gt=x&modified_date__gte=x&modified_date__lt=x&modified_date__lte=x&modified_date=x",
    "period__startswith__gte=x&period__startswith__lte=x&period__endswith__gte=x&period__endswith__lte=x",
    "period__endswith__lte=x&period__startswith__gte=x",
    "period=2024-01-01", "period=x", "period__startswith=x", "period__gte=x",
    "period__contains=2024-01-01", "period__isempty=true",
    "stock__exact=4", "stock__ne=5", "stock_gt=5", "stock__in=4,5", "stock__range=1,2", "sku__in=x",
    "sku__exact=x", "sku__icontains=X", "is_active__exact=false", "location__code=112",
    "location__name=112", "provider__name=x", "id=2", "id__gt=2", "search=x", "ordering=-id", "q=x",
    "offset=1", "format=json", "format=json&page=1", "format=", "format=xml", "format=JSON",
    "format=api", "format=json&format=xml", "format=xml&format=json",
    "stock=5&stock=6", "stock=6&stock=5", "stock=x&stock=5", "stock=5&stock=x", "stock=5&stock=",
    "stock=&stock=6", "sku=x&sku=" + SKU, "sku=" + SKU + "&sku=x", "is_active=true&is_active=false",
    "is_active=false&is_active=maybe", "unit_type=x&unit_type=qty", "unit_type=qty&unit_type=x",
    "stock[]=5", "stock%5B%5D=6", "STOCK=6", "Stock=6", "stock =6", "%73tock=6", "st%6Fck=6",
    "stock%20=6", "stock+=6", "stock;sku=6", "stock=5;sku=x", "stock=5&amp;sku=x", "&&&",
    "&stock=6&", "=", "=5", "stock", "stock&sku", "?stock=6", "stock==6", "stock=5=5", "#stock=6",
    "stock=6#x", "a&b&c",
    "stock__gte=5&stock__lte=5", "stock__gt=5&stock__lt=5",
    "stock=5&reserved_stock=0&is_active=true&location=110&provider=shop_provider&unit_type=qty&stock_type=standard",
    "sku=" + SKU + "&location=112", "created_date__gte=2023-05-10&created_date__lt=2023-05-11",
    "created_date__gte=2023-05-10T15:00:00%2B03:00&sort=-created_date",
    "is_active=true&stock__gte=6", "location_name=11&provider_name=SHOP", "provider=2",
]  # fmt: skip


def filters():
    """Each filter with each value; then several together, spelled oddly, and unknown ones."""
    for name, values in FILTERS.items():
        for value in values:
            path = f"{STOCKS}?{name}={escaped(value)}"
            yield get(f"filter/{name}={label(value)}", path, before=(MIXED,))
    for query in FILTER_QUERIES:
        yield get(f"filter/{label(query)}", f"{STOCKS}?{escaped(query)}")
    for lookup in ("startswith__gte", "startswith__lte", "endswith__gte", "endswith__lte"):
        for value in (
            "2024-01-01T00:00:00Z", "2024-01-01", "2024-01-15", "2024-02-01T03:00:00%2B03:00",
            "2024-02-01T00:00:01Z",
            "2023-12-31T23:59:59Z", "", "x", "0001-01-01", "9999-12-31",
        ):  # fmt: skip
            path = f"{STOCKS}?period__{lookup}={value}"
            yield get(f"filter/period__{lookup}={value}", path, before=(PERIODS,))
    yield get(
        "filter/both ends of a period",
        f"{STOCKS}?period__startswith__lte=2024-01-10&period__endswith__gte=2024-01-10",
        before=(PERIODS,),
    )


def escaped(query):
    """Blanks and characters above ASCII cannot stand in a request line; the rest goes as it is."""
    return "".join(c if "!" <= c <= "~" else quote(c) for c in query)


def row(sku, location="110", stock=5, **more):
    return {"provider": "shop_provider", "location": location, "stock": stock, "sku": sku} | more


def span(lower=None, upper=None, **more):
    ends = {"lower": lower, "upper": upper}
    return {name: end for name, end in ends.items() if end is not None} | more


PERIODS = post("", UPSERT, [
    row("p1", period=span("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z")),
    row("p2", period=span("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", bounds="(]")),
    row("p3", period=span(lower="2024-01-01T00:00:00Z")),
    row("p4", period=span(upper="2024-02-01T00:00:00Z")),
    row("p5", period=span()),
    row("p6", period=span("2024-01-15T00:00:00Z", "2024-01-15T00:00:00Z")),
    row("p7", period=span("2024-01-15T00:00:00Z", "2024-01-15T00:00:00Z", bounds="[]")),
    row("p8", period=None),
])  # fmt: skip

# --------------------------------------------------------- pages, order, links

PAGES = [
    "", "0", "1", "2", "3", "4", "-1", "abc", "1.0", "2.0", "1e0", "02", "%2B2", "+2", " 2", "2%20",
    "%0A2", "2%00", "%00", "%D9%A2", "%EF%BC%92", "%C2%B2", "1_0", "0_2", "1_", "last", "Last",
    "LAST", "last%20", " last", "first", "null", "None", "99999999999999999999", "9" * 4300,
    "9223372036854775807", "0x1", "--1", "%FF", "1,2", "true", "2.", "½", "%E2%80%832", "%C2%852",
    "%1C2", "%1C%D9%A2",
]  # fmt: skip

LIMITS = [
    "", "0", "1", "2", "3", "4", "10", "999", "1000", "1001", "99999999999999999999", "-1", "-0",
    "abc", "3.0", "1e0", "01", "%2B1", "+1", " 1", "1%20", "1%0A", "%00", "%D9%A1", "%EF%BC%91",
    "%C2%B2", "1_0", "0_1", "%1C1", "%1C%D9%A1", "all", "null", "last", "%FF", "%E2%80%831",
    "9" * 4301,
]  # fmt: skip

LINKS = [
    "b=%C3%A7&a=x+y&sku=", "z=1&a=2&m=3", "b=2&a=1&b=1&a=2", "a", "a=", "=", "=x", "&&a=1&&",
    "a=1&", "x=%zz", "x=%", "x=%2", "x=%FF", "x=%C3", "x=%ED%A0%80", "x=%00", "x=a%2Bb", "x=a+b",
    "x=a%20b", "x=%7E~", "x=-._~", "x=!*'()", "x=%21%2A%27%28%29", "x=/%2F:@", "x=a=b", "x=a%3Db",
    "x=a%26b", "x=a;b", "x=%23", "x=?", "x=%3F", "x=[1]", "x[]=1", "x%5B0%5D=1", "%78=1", "X=1&x=2",
    "ç=1", "%C3%A7=1", "%F0%9F%99%82=%F0%9F%99%82", "x=%E2%80%A8", "x=%0A%0D%09", "x=<>&y=\"",
    "x=\\", "x=^`{|}", "x=a,b", "x=$", "x=%25", "x=%2525", "page=1", "page=", "page=2&page=1",
    "page=1&page=2", "page=last", "limit=1&limit=1", "Page=2", "pAGE=2&page=1", "page=01",
    "format=json", "sort=id", "sort=-id&created_date__gte=2023-01-01T00:00:00%2B03:00",
    "stock__gte=1&is_active=true&location=110", "created_date__gte=2023-05-10T10:00:00",
    "x=" + "a" * 2000,
]  # fmt: skip

SORTS = [
    "", "id", "-id", "sku,id", "-sku,id", "stock,id", "stock,-id", "-stock,sku,id", " stock , id ",
    "stock%20,%20-id", "stock,,id", ",", ",id", "id,", "--id", "- id", "-%20id", "+id", "%2Bid",
    "bogus", "bogus,-stock,id", "-stock,bogus,id", "-bogus", "ID", "Id", "pk", "-pk", "provider,id",
    "-provider,-id", "location,id", "-location,id", "location,-sku,id", "provider__name",
    "location__code", "created_date", "-created_date", "modified_date", "-modified_date",
    "reserved_stock,id", "-reserved_stock,stock,id", "is_active,id", "-is_active,id",
    "is_active,-stock,id", "stock_type,id", "-stock_type,unit_type,id", "unit_type,id",
    "-unit_type,id", "period,id", "-period,id", "id,-id", "-id,id", "stock,stock,id",
    "stock,-stock,id", "?", "%3F", "%00", "%FF", "random", "id;sku", "id sku", "id&sort=-id",
    "-id&sort=id", "-id&sort=", "-id&sort=bogus", "stock.desc", "stock:desc", "sku__len",
    "stock desc", "%E2%80%83id", "-%E2%80%83id", "-id%E2%80%83",
]  # fmt: skip

# What is equal here the database gives in whatever order it likes.
TIED_SORTS = [
    "sku", "stock", "-stock", "-stock,sku", "bogus,-stock", "provider", "-provider", "location",
    "is_active", "stock_type", "unit_type", "period", "-period",
]  # fmt: skip

TIES = "rows that sort alike come in no promised order"

MIXED = post("", UPSERT, [
    row("m1", "112", 3, unit_type="kg", is_active=False, reserved_stock=2),
    row("m2", "900", 9, provider="other_provider", stock_type="scheduled"),
    row("m3", "stock_loc_1", -4, reserved_stock=1),
    row("m3", "119", 9, stock_type="scheduled", period=span("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z")),
    row("M4", "115", 0, period=span(lower="2023-01-01T00:00:00Z")),
    row("Ç5", "117", 5, unit_type="kg", period=span("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z")),
    row("m 6", "110", 5, is_active=False, period=span("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", bounds="[]")),
])  # fmt: skip

MANY = post(
    "",
    UPSERT,
    [row(f"n{number:02}", "112", number % 5, reserved_stock=number % 2) for number in range(22)],
)


HOSTS = [
    "whippy.example", "localhost:8000", "127.0.0.1:1", "WHIPPY.Example", "[::1]:8000",
    "whippy.example:80", "whippy.example:443",
]  # fmt: skip

PLACE_QUERIES = [
    "sort=-id", "sort=name", "sort=-code", "sort=bogus", "sort=provider,-id",
    "sort=should_add_reservations,-id", "sort=remote_id", "limit=1", "limit=1&page=2", "page=9",
    "limit=0", "code=110", "name=x", "is_active=maybe", "stock=x",
]  # fmt: skip


def pages():
    for value in PAGES:
        yield get(f"page/{label(value)}", f"{STOCKS}?limit=1&page={escaped(value)}")
    for value in PAGES[:9]:
        yield get(f"page/of nothing, {value}", f"{STOCKS}?sku=none&page={value}")
        yield get(f"page/by ten, {value}", f"{STOCKS}?page={value}", before=(MANY,))
        yield post(f"page/active, {value}", f"{ACTIVE}?limit=2&page={value}", b"")
        yield get(f"page/locations, {value}", f"{LOCATIONS}?limit=3&page={value}")
    for value in LIMITS:
        yield get(f"limit/{label(value)}", f"{STOCKS}?limit={escaped(value)}")
        yield get(
            f"limit/{label(value)} of many", f"{STOCKS}?limit={escaped(value)}", before=(MANY,)
        )
        yield get(f"limit/{label(value)}, page 2", f"{STOCKS}?limit={escaped(value)}&page=2")
        yield post(f"limit/active, {label(value)}", f"{ACTIVE}?limit={escaped(value)}", b"")
    for query in LINKS:
        for page in ("", "&page=2"):
            path = f"{STOCKS}?limit=1{page}&{escaped(query)}"
            yield get(f"link/{label(query)}, then limit{page}", path)
            path = f"{STOCKS}?{escaped(query)}&limit=1{page}"
            yield get(f"link/{label(query)}, before limit{page}", path)
        yield post(f"link/active, {label(query)}", f"{ACTIVE}?limit=1&{escaped(query)}", b"")
    for host in HOSTS:
        forwarded = ("X-Forwarded-Host", "evil.example")
        yield get(f"link/host {host}", f"{STOCKS}?limit=1", forwarded, host=host)
    yield get(
        "link/forwarded as https", f"{STOCKS}?limit=1", ("X-Forwarded-Proto", "https"), apart=SERVER
    )
    yield get("link/prefix of dots", "/api/v1/../v1/stocks/?limit=1")
    for value in SORTS:
        path = f"{STOCKS}?sort={escaped(value)}"
        yield get(f"sort/{label(value)}", path)
        yield get(f"sort/{label(value)}, mixed", path, before=(MIXED,))
    for value in TIED_SORTS:
        yield get(f"sort/{value}, tied", f"{STOCKS}?sort={value}", before=(MIXED,), apart=TIES)
    for path in (PROVIDERS, LOCATIONS, LISTS):
        for query in PLACE_QUERIES:
            yield get(f"places/{path}?{query}", f"{path}?{query}")
    for query in ("stock=x", "sku=none", "page=9", "page=0", "limit=0", "sort=-id", "provider=x"):
        for path in (STOCK_QUERY, MULTI_QUERY):
            yield get(f"query/{path} beside {query}", f"{path}?{query}&sku={SKU}")


# ------------------------------------------------------------------- headers

ACCEPTS = [
    None, "", " ", "*/*", "*", "application/*", "application/json", "APPLICATION/JSON",
    "Application/Json", "application/JSON;q=0.5", "application/json;q=0", "application/json; q=0",
    "*/*;q=0", "application/*;q=0", "text/html", "text/html, application/json",
    "text/html;q=1, */*;q=0.1",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "text/*", "*/json", "json", "application", "application/", "/json", "/", "application/json/x",
    "application/vnd.api+json", "application/xml", "application/x-json", "application/json2",
    "application/jso", "garbage", ",", ",,", "application/json,", ",application/json", ";",
    "application/json;", "application/json;;", "application/json; charset=utf-8",
    "application/json;charset=latin-1", "application/json; version=1", "application/json; indent=0",
    "application/json; indent=1", "application/json; indent=2", "application/json; indent=4",
    "application/json; indent=8", "application/json; indent=9", "application/json; indent=100",
    "application/json; indent=-1", "application/json; indent=abc", "application/json; indent=",
    "application/json; indent", "application/json; indent=2.0", "application/json; indent= 2",
    'application/json; indent="2"', "application/json; INDENT=2", "application/json; Indent=2",
    "application/json; indent=2; indent=4", "application/json; indent=%32",
    "application/json; indent=+2", "application/json; indent=02", "application/json; indent=1_0",
    "application/json; indent=٢", "application/json;indent=2;q=0.1",
    "application/json; q=0.1; indent=2", "*/*; indent=4", "application/*; indent=4",
    "*/*;indent=4, application/json", "application/json, */*;indent=4",
    "application/json;indent=2, application/json;indent=4",
    "application/json;indent=4, application/json", "application/json, application/json;indent=4",
    "text/html;indent=4, */*", "*/*;q=0.5;indent=3", "application/json ; indent=2",
    " application/json ", "application/json\t", "application / json", "application/json;indent =2",
    "application/json;=2", "application/json;a=b=c", 'application/json;a="x,y"',
    'application/json;a="x;y"', "application/json;a='x'", "ápplication/json",
    "application/json\xff", "*/*\xff", "application/json,\xff",
]  # fmt: skip

ACCEPTED_ON = [
    ("list", "GET", STOCKS, b""),
    ("refusal", "POST", STOCKS, b"{}"),
]

AUTHORIZATIONS = [
    None, "", " ", "Token", "Token ", "Token  ", "Token\t", f"Token {TOKEN}", f"token {TOKEN}",
    f"TOKEN {TOKEN}", f"tOkEn {TOKEN}", f"Token    {TOKEN}", f"Token\t{TOKEN}",
    f"  Token {TOKEN}  ", f"Token {TOKEN} ", f"Token {TOKEN} x", f"Token {TOKEN},",
    f"Token {TOKEN[:-1]}", f"Token {TOKEN}0", f"Token {TOKEN.upper()}", f"Token '{TOKEN}'",
    f'Token "{TOKEN}"', f"Token={TOKEN}", f"Token:{TOKEN}", f"Token: {TOKEN}", TOKEN,
    f"Bearer {TOKEN}", f"Basic {TOKEN}", "Basic dXNlcjpwYXNz", f"Tokens {TOKEN}", f"Tok {TOKEN}",
    "Token zzz", "Token a b", "Token a b c", "Token \xff", "Token caf\xe9", "Token \xc3\xa9",
    "\xff", "\xff \xff", "Tok\xe9n x", f"Token {TOKEN}\xa0", f"Token\xa0{TOKEN}",
    f"Token\x85{TOKEN}", f"Token {TOKEN}\x1c", f"Token\x1c{TOKEN}", "Token \x7f",
    "Token " + "a" * 300, "Token " + "a" * 4000, f"Token {TOKEN}, Token {TOKEN}", "Token null",
    "Token %00",
]  # fmt: skip

CONTENT_TYPES = [
    None, "", " ", "application/json", "APPLICATION/JSON", "Application/Json", "application/json;",
    "application/json; charset=utf-8", "application/json;charset=UTF-8",
    "application/json; charset=\"utf-8\"", "application/json; charset=utf8",
    "application/json; charset=bogus", "application/json; charset=", "application/json; charset",
    "application/json; version=1", "application/json; indent=4", "application/json ; charset=utf-8",
    " application/json ", "application/json, application/json", "application/json; a=b; c=d",
    "application/jsonx", "application/json+x", "application/vnd.api+json", "application/*", "*/*",
    "*", "json", "application", "application/", "/json", "text/json", "text/plain",
    "text/plain; charset=utf-8", "text/html", "application/xml", "application/octet-stream",
    "garbage", ";", ",", "\xff", "application/json\xff", "application/json; charset=\xff",
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8",
    "APPLICATION/X-WWW-FORM-URLENCODED", "multipart/form-data", "multipart/form-data; boundary=",
    "multipart/form-data; boundary=x", "multipart/mixed; boundary=x", 'text/plain; a="b"',
    "TEXT/PLAIN;A=B",
]  # fmt: skip

TYPED = [
    ("create", STOCKS, create_body()), ("empty", STOCKS, ""),
    ("login", LOGIN, '{"username": "integrator", "password": "secret"}'),
]  # fmt: skip


def headers():
    for accept in ACCEPTS:
        sent = () if accept is None else (("Accept", accept),)
        for name, method, path, body in ACCEPTED_ON:
            given = (JSON, *sent) if body else sent
            yield Probe(f"accept/{name}, {label(str(accept))}", method, path, given, body)
    yield get("accept/on 401", STOCKS, ("Accept", "text/html"), token=None)
    yield get("accept/on 405", INCREASE, ("Accept", "text/html"))
    yield get("accept/on 404", "/nothing/", ("Accept", "text/html"))
    yield get("accept/on 301", "/api/v1/stocks", ("Accept", "text/html"))
    yield get(
        "accept/on an unknown page", STOCKS + "?page=9", ("Accept", "application/json; indent=2")
    )
    yield Probe("accept/on OPTIONS", "OPTIONS", STOCKS, (("Accept", "application/json; indent=2"),))
    yield Probe("accept/on HEAD", "HEAD", STOCKS, (("Accept", "application/json; indent=2"),))
    yield Probe("accept/on HEAD, refused", "HEAD", STOCKS, (("Accept", "text/html"),))
    yield Probe("accept/on PUT, refused", "PUT", STOCKS, (("Accept", "text/html"),))
    yield post("accept/on a bad body", STOCKS, "{", ("Accept", "text/html"))
    yield get(
        "accept/twice, first", STOCKS, ("Accept", "text/html"), ("Accept", "application/json")
    )
    yield get(
        "accept/twice, last",
        STOCKS,
        ("Accept", "application/json;indent=2"),
        ("Accept", "text/html"),
    )
    yield get("accept/and format", STOCKS + "?format=json", ("Accept", "text/html"))
    yield get("accept/and unknown format", STOCKS + "?format=xml", ("Accept", "text/html"))
    yield get(
        "accept/and format, indented",
        STOCKS + "?format=json",
        ("Accept", "application/json; indent=2"),
    )
    yield get("accept/unknown format, no token", STOCKS + "?format=xml", token=None)
    for method in ("POST", "PUT", "OPTIONS", "HEAD"):
        yield Probe(
            f"accept/format on {method}",
            method,
            STOCKS + "?format=xml",
            (JSON,),
            b"{}" if method in ("POST", "PUT") else b"",
        )
    for indent in (2, 4):
        accept = ("Accept", f"application/json; indent={indent}")
        yield get(f"indent/empty list {indent}", STOCKS + "?sku=none", accept)
        yield post(f"indent/upsert {indent}", UPSERT, [row("1")], accept)
        yield post(f"indent/rows {indent}", UPSERT, [{}, row("1"), 5], accept)
        yield post(f"indent/text {indent}", STOCKS, create_body(sku='"ş\\u2028\\u0001/<"'), accept)
        yield get(f"indent/multi {indent}", f"{MULTI_QUERY}?sku={SKU}&sku=x", accept)
    for value in AUTHORIZATIONS:
        refused = value is not None and any(character in value for character in "\x1c\x7f")
        apart = SERVER if refused else ""
        yield get(f"authorization/{label(str(value))}", STOCKS, token=value, apart=apart)
    for name, probe in {
        "on POST with a bad body": post("", STOCKS, "{", token=None),
        "on PUT": Probe("", "PUT", STOCKS, token=None),
        "on OPTIONS": Probe("", "OPTIONS", STOCKS, token=None),
        "on HEAD": Probe("", "HEAD", STOCKS, token=None),
        "on TRACE": Probe("", "TRACE", STOCKS, token=None),
        "on an unknown path": get("", "/nothing/", token=None),
        "without the slash": get("", "/api/v1/stocks", token=None),
        "on an unknown page": get("", STOCKS + "?page=9", token=None),
        "on a bad filter": get("", STOCKS + "?stock=x", token=None),
        "on an unknown provider": get("", PROVIDERS + "99/", token=None),
        "bad, on login": post("", LOGIN, "{}", token="Token zzz"),
        "bad, on login, OPTIONS": Probe("", "OPTIONS", LOGIN, token="Token zzz"),
        "foreign scheme, on login": post("", LOGIN, "{}", token="Bearer x"),
        "in the query string": get("", f"{STOCKS}?token={TOKEN}&api_token={TOKEN}", token=None),
        "as api_token": get("", STOCKS, ("api_token", TOKEN), token=None),
        "twice": get("", STOCKS, ("Authorization", f"Token {TOKEN}"), apart=SERVER),
    }.items():
        yield replace(probe, name=f"authorization/{name}")
    for value in CONTENT_TYPES:
        for name, path, body in TYPED:
            sent = () if value is None else (("Content-Type", value),)
            yield Probe(
                f"content-type/{name}, {label(str(value))}", "POST", path, sent, body.encode()
            )
    for path in (STOCK_QUERY, MULTI_QUERY):
        body = b'{"sku": "500"}'
        yield Probe(f"get-body/{path}, no type", "GET", path, (), body)
        yield Probe(f"get-body/{path}, text", "GET", path, (("Content-Type", "text/plain"),), body)
        yield Probe(f"get-body/{path}, bad JSON", "GET", path, (JSON,), b"{")
        yield Probe(f"get-body/{path}, HEAD", "HEAD", path, (JSON,), body)
        yield Probe(f"get-body/{path}, empty", "GET", path, (JSON,), b"", apart="")
        yield Probe(f"get-body/{path}, form", "GET", path, (FORM,), b"sku=500&sku=x")
    for path in (STOCKS, PROVIDERS, PROVIDERS + "1/"):
        yield Probe(f"get-body/{path}, ignored", "GET", path, (JSON,), b"{")
        yield Probe(f"get-body/{path}, ignored without a type", "GET", path, (), b"{")
    chunk = f"{len(create_body()):x}\r\n{create_body()}\r\n0\r\n\r\n"
    yield post("chunked", STOCKS, chunk, ("Transfer-Encoding", "chunked"), apart=LENGTH)
    yield Probe("method-override", "POST", STOCKS, (JSON, ("X-HTTP-Method-Override", "PUT")), b"{}")


LENGTH = "without a proxy in front the framework takes a body without Content-Length for none"
SERVER = "the web server answers, or changes the request, before the framework sees it"

# --------------------------------------------------------------- JSON syntax

DOCUMENT = '{"a": [1, -2.5e3, "x\\u00e9\\n", true], "ç": {"b": null, "c": false}}'

BAD_JSON = [
    " ", "\n", "\t \r\n", "nope", "tru", "fals", "nul", "True", "None", "undefined", "nan", "NaN",
    "Infinity", "-Infinity", "-NaN", "+Infinity", "-", "--1", "+1", "01", "-01", "00", "0x1", "1.",
    ".5", "-.5", "1.e5", "1e", "1e+", "1E-", "1.5e", "1 2", "1,2", "1.2.3", "1_000", "0.", "-0",
    "- 1",
    '"', '"a', '"a\\', '"\\"', '"\\x"', '"\\u"', '"\\u1"', '"\\u12', '"\\u123"', '"\\u12G4"',
    '"\\u+123"', '"\\u 123"', '"\\u0x12"', '"\\U0041"', '"\\ud83d"', '"\\ud83d\\u"',
    '"\\ud83d\\ude0"', '"\\ud83d\\n"', '"\\ud83dx', '"\\a"', '"\\\'"', '"\\0"', '"\\ "', "'a'",
    "`a`", '"a" "b"', '"a\nb"', '"a\tb"', '"a\x00b"', '"a\x1fb"', '"a\x7fb"', '"a\rb"',
    '"ab\u2028c"', "\u00a0{}", "\u2028{}", "{}\u00a0", "\x0b{}", "\x0c{}", "\ufeff{}", "{}\ufeff",
    "{}\x00", "\x00", "{} {}", "{}{}", "{}]", "{}}", "{},", "{};", "{} x", "{} // c", "// c\n{}",
    "/* c */{}", "#c\n{}", "{/**/}",
    "{", "{ ", "{\n", "{]", "[}", "{,}", "{,", "{a}", "{a: 1}", "{'a': 1}", "{1: 2}", "{null: 1}",
    "{true: 1}", "{[]: 1}", "{{}: 1}", '{"a"}', '{"a" 1}', '{"a",}', '{"a";1}', '{"a":}', '{"a": }',
    '{"a":,', '{"a":1,}', '{"a":1,,"b":2}', '{"a":1 "b":2}', '{"a":1;"b":2}', '{"a":1,b:2}',
    '{"a":1]', '{"a"::1}', '{"a"=1}', '{"a":1}}', '{"a":1', '{"a":1,', '{"a":1, ', '{"a":1,\n\n  ',
    '{"a":1,\r\n"b"', '{"a":1,\r"b"', '{"a":\n\n\nx}', '{"ç":1,"🙂":x}', '{"🙂🙂🙂": 1, x',
    '{"a": undefined}', '{"a": NaN}', '{"a": [NaN]}', '{"a": Infinity}', '{"a": -Infinity}',
    '{"a": Infinit}', '{"a": Na}', '{"a": tru}', '{"a": truex}', '{"a": nullx}', '{"a": 01}',
    '{"a": 1.}', '{"a": .5}', '{"a": 1e}', '{"a": -}', '{"a": "\x01"}', '{"a": "\\x"}',
    '{"a\\x": 1}', '{"a\x01": 1}', '{"a', '{"a\\', '{"\\ud800": 1}', '{"": 1}',
    "[", "[ ", "[,", "[,]", "[1", "[1,", "[1,]", "[1, ]", "[1,,2]", "[1 2]", "[1;2]", "[1}", "[1]]",
    "[1]x", "[tru]", "[1.]", "[01]", '["a]', '["a" "b"]', "[[1]", "[[1],", "[\n1,\n2,\n]", "[{}",
    "[{},", '[{"a":1},]', "(1)", "<xml/>", "a=b&c=d", "--x\r\n", "{}\n", " {} ", "\r\n{}\r\n",
    "\t[]", "null", "true", "false", "0", "1", "-1", "1.5", "1e400", "-1e400", '"x"', '""', '"5"',
    "[]", "[{}]", "[1]", "[null]", "[[]]", "{}",
]  # fmt: skip

BAD_BYTES = {
    "stray continuation": b'{"a": "\x80"}',
    "lone lead byte": b'{"a": "\xc3"}',
    "lead byte then ASCII": b'{"a": "\xc3("}',
    "overlong slash": b'{"a": "\xc0\xaf"}',
    "overlong in three": b'{"a": "\xe0\x80\xaf"}',
    "overlong in four": b'{"a": "\xf0\x80\x80\xaf"}',
    "surrogate": b'{"a": "\xed\xa0\x80"}',
    "pair of surrogates": b'{"a": "\xed\xa0\xbd\xed\xb8\x80"}',
    "three bytes, two given": b'{"a": "\xe2\x82"}',
    "three bytes, one given": b'{"a": "\xe2"}',
    "four bytes, three given": b'{"a": "\xf0\x9f\x99"}',
    "four bytes, two given": b'{"a": "\xf0\x9f"}',
    "above the last code point": b'{"a": "\xf4\x90\x80\x80"}',
    "five-byte form": b'{"a": "\xf8\x88\x80\x80\x80"}',
    "fe": b'{"a": "\xfe"}',
    "ff": b'{"a": "\xff"}',
    "ff first": b"\xff{}",
    "ff last": b"{}\xff",
    "cut off in two": b"{}\xc3",
    "cut off in three, one": b"{}\xe2",
    "cut off in three, two": b"{}\xe2\x82",
    "cut off in four, one": b"{}\xf0",
    "cut off in four, three": b"{}\xf0\x9f\x99",
    "cut off, bad already": b"{}\xe2\x28",
    "cut off overlong": b"{}\xe0\x80",
    "cut off surrogate": b"{}\xed\xa0",
    "cut off above the last": b"{}\xf4\x90",
    "cut off c0": b"{}\xc0",
    "cut off within a string": b'{"a": "\xc3',
    "cut off after whole text": create_body().encode() + b"\xe2\x82",
    "late": b'{"a": "' + b"x" * 70000 + b'\xff"}',
    "latin-1": '{"a": "ç"}'.encode("latin-1"),
    "BOM": b"\xef\xbb\xbf{}",
    "BOM twice": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "BOM alone": b"\xef\xbb\xbf",
    "UTF-16 BOM": b"\xff\xfe{\x00}\x00",
    "UTF-16": "{}".encode("utf-16-le"),
    "NUL bytes": b"\x00\x00",
}

DEPTH = "how deep Python may go depends on the frames below it"


def json_syntax():
    for end in range(len(DOCUMENT) + 1):
        yield post(f"json/cut at {end}", STOCKS, DOCUMENT[:end])
    for text in BAD_JSON:
        yield post(f"json/{label(text)}", STOCKS, text)
    for name, body in BAD_BYTES.items():
        yield post(f"utf-8/{name}", STOCKS, body)
    for text in ("", "{", "[]", "null", "NaN", "1", '"x"', "[1]", '[{"sku": 1}]', "{} x"):
        for path in (INCREASE, UPSERT, ACTIVE, LOGIN, PROVIDERS, LOCATIONS, LISTS):
            yield post(f"json/{path} {label(text)}", path, text)
        for path in (STOCK_QUERY, MULTI_QUERY, SALABLE_QUERY, MULTI_SALABLE_QUERY):
            yield Probe(f"json/{path} {label(text)}", "GET", path, (JSON,), text.encode())
    for depth in (10, 100, 900):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            yield post(
                f"json/nested {depth} {opening}", STOCKS, opening * depth + "1" + closing * depth
            )
            yield post(
                f"json/nested {depth} {opening} in sku",
                STOCKS,
                create_body(sku=opening * depth + "1" + closing * depth),
            )
    for depth in (980, 1000, 5000, 100_000):
        for text in ("[" * depth, "[" * depth + "]" * depth, '{"a":' * depth):
            yield post(f"json/nested {depth} {text[:5]} {len(text)}", STOCKS, text, apart=DEPTH)
    for digits in (1000, 4299, 4300, 4301, 5000):
        for field_name in ("stock", "sku", "reserved_stock", "provider", "is_active", "a"):
            yield post(
                f"json/{digits} digits of {field_name}",
                STOCKS,
                create_body(**{field_name: "9" * digits}),
            )
            yield post(
                f"json/-{digits} digits of {field_name}",
                STOCKS,
                create_body(**{field_name: "-" + "9" * digits}),
            )
        yield post(
            f"json/{digits} digits of a float", STOCKS, create_body(stock="9" * digits + ".0")
        )
        yield post(
            f"json/{digits} digits in text", STOCKS, create_body(stock='"' + "9" * digits + '"')
        )
    for size in (1_000_000, 2_600_000):
        yield post(f"json/{size} bytes", STOCKS, create_body(sku='"' + "a" * size + '"'))


# ------------------------------------------------------------ form and multipart

PLAIN = "provider=shop_provider&location=112&stock=5&sku=500"

FORMS = [
    "", "a", "&", PLAIN, PLAIN + "&is_active=true", PLAIN + "&is_active=on", PLAIN + "&is_active=",
    PLAIN + "&is_active=false", PLAIN + "&is_active=maybe",
    PLAIN + "&is_active=true&is_active=false", PLAIN + "&stock=6", PLAIN + "&stock=",
    PLAIN + "&stock=x", PLAIN + "&sku=", "sku=", "sku=&provider=&location=&stock=",
    PLAIN + "&reserved_stock=", PLAIN + "&reserved_stock=2", PLAIN + "&stock_type=",
    PLAIN + "&stock_type=scheduled", PLAIN + "&stock_type=x", PLAIN + "&unit_type=",
    PLAIN + "&unit_type=kg&unit_type=qty", PLAIN + "&period=", PLAIN + "&period=null",
    PLAIN + "&period=x", PLAIN + "&period.lower=2024-01-01T00:00:00Z",
    PLAIN + "&period.lower=2024-01-01T00:00:00Z&period.upper=2024-02-01T00:00:00Z",
    PLAIN + "&period.lower=2024-01-01T00:00:00Z&period.bounds=%5B%5D", PLAIN + "&period.lower=",
    PLAIN + "&period.lower=x", PLAIN + "&period.foo=1", PLAIN + "&period.empty=true",
    PLAIN + "&period%5Blower%5D=2024-01-01T00:00:00Z",
    PLAIN + "&period=%7B%22lower%22%3A%222024-01-01%22%7D",
    PLAIN + "&period.lower=2024-01-01&period.lower=2024-01-02",
    PLAIN + "&period.=1", PLAIN + "&period.lower.x=1", PLAIN + "&id=99", "[0]provider=x",
    "provider=shop+provider", "provider=shop%5Fprovider&location=112&stock=5&sku=500",
    PLAIN.replace("500", "a%00b"), PLAIN.replace("500", "%FF"), PLAIN.replace("500", "%C3%A7"),
    PLAIN.replace("500", "%"), PLAIN.replace("500", "+a+"), PLAIN.replace("500", "%E2%80%83a"),
    PLAIN.replace("&", ";"), PLAIN.replace("stock=5", "stock=%2B5"),
    PLAIN.replace("stock=5", "stock=+5"), PLAIN.replace("stock=5", "stock=%D9%A5"),
    PLAIN.replace("112", "900"), PLAIN.replace("112", "nope"), PLAIN.replace("112", "%00"),
    '{"sku": "500"}', "\xff\xfe".encode("latin-1").decode("latin-1"), "sku=\u00e7",
]  # fmt: skip


def part(name, value, more="", header=""):
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{header}\r\n{value}\r\n'


PARTS = (
    part("provider", "shop_provider")
    + part("location", "112")
    + part("stock", "5")
    + part("sku", "500")
)
END = "--x--\r\n"

MULTIPARTS = {
    "plain": PARTS + END,
    "no last boundary": PARTS,
    "no dashes at the end": PARTS + "--x\r\n",
    "preamble": "hello\r\n" + PARTS + END,
    "epilogue": PARTS + END + "bye",
    "bare newlines": (PARTS + END).replace("\r\n", "\n"),
    "empty": "",
    "end alone": END,
    "other boundary": (PARTS + END).replace("--x", "--y"),
    "garbage": "garbage",
    "repeated": PARTS + part("stock", "6") + END,
    "blank": PARTS + part("sku", "") + END,
    "boolean": PARTS + part("is_active", "true") + END,
    "file as sku": PARTS.replace(part("sku", "500"), "") + part("sku", "500", '; filename="a.txt"', "Content-Type: text/plain\r\n") + END,
    "file as stock": PARTS + part("stock", "6", '; filename="a.txt"') + END,
    "file beside": PARTS + part("doc", "x", '; filename="a.txt"') + END,
    "file without a name": PARTS + part("doc", "x", '; filename=""') + END,
    "file as provider": part("provider", "x", '; filename="a.txt"') + END,
    "file as is_active": PARTS + part("is_active", "true", '; filename="a"') + END,
    "file as period": PARTS + part("period", "true", '; filename="a"') + END,
    "file as stock_type": PARTS + part("stock_type", "true", '; filename="a"') + END,
    "nested period": PARTS + part("period.lower", "2024-01-01T00:00:00Z") + END,
    "part type": PARTS + part("reserved_stock", "3", "", "Content-Type: application/json\r\n") + END,
    "part charset": PARTS + part("reserved_stock", "3", "", "Content-Type: text/plain; charset=utf-16\r\n") + END,
    "base64 part": PARTS + part("reserved_stock", "Mw==", "", "Content-Transfer-Encoding: base64\r\n") + END,
    "bad base64 part": PARTS + part("reserved_stock", "M", "", "Content-Transfer-Encoding: base64\r\n") + END,
    "no disposition": "--x\r\n\r\n5\r\n" + PARTS + END,
    "no name": '--x\r\nContent-Disposition: form-data\r\n\r\n5\r\n' + PARTS + END,
    "name not quoted": PARTS + "--x\r\nContent-Disposition: form-data; name=reserved_stock\r\n\r\n3\r\n" + END,
    "utf-8": PARTS.replace("500", "ç") + END,
    "NUL": PARTS.replace("500", "a\x00b") + END,
    "lines in a value": PARTS.replace("500", "a\r\nb") + END,
    "padded": PARTS.replace("500", " 500 ") + END,
}  # fmt: skip

BOUNDARIES = [
    'multipart/form-data; boundary="x"', "MULTIPART/FORM-DATA; BOUNDARY=x",
    "multipart/form-data; boundary=x; charset=utf-8", "multipart/form-data",
    "multipart/form-data; boundary=", 'multipart/form-data; boundary=""',
    "multipart/form-data; boundary=y", "multipart/form-data; boundary=" + "x" * 200,
    "multipart/form-data; boundary=x y", "multipart/form-data; boundary=ç",
    "multipart/form-data;boundary=x", "multipart/form-data, boundary=x",
    "multipart/form-data; boundary=x\xff", "multipart/form-data; boundary=x ",
    "multipart/form-data; boundary='x'", "multipart/form-data; boundary=--x",
]  # fmt: skip


RESERVATION_FORMS = [
    "", "sku=" + SKU, f"sku={SKU}&location=110", f"sku={SKU}&location=110&date=",
    f"sku={SKU}&location=110&provider=",
    f"sku={SKU}&location=110&provider=shop_provider&date=2024-01-01",
    f"sku={SKU}&sku=x&location=110",
]  # fmt: skip

LOGIN_FORMS = [
    "", "username=integrator&password=secret", "username=integrator&password=",
    "username=&password=x", "username=integrator&password=%20secret%20", "password=secret",
]  # fmt: skip


def forms():
    for text in FORMS:
        yield post(f"form/{label(text.replace(PLAIN, '…'))}", STOCKS, text, FORM)
    for text in RESERVATION_FORMS:
        yield post(f"form/increase, {label(text)}", INCREASE, text, FORM)
    for text in ("", PLAIN, "a=1", PLAIN + "&is_active=true"):
        yield post(f"form/upsert, {label(text)}", UPSERT, text, FORM)
    for text in ("", "sku=", f"sku={SKU}", "sku=x"):
        yield post(f"form/active, {label(text)}", ACTIVE, text, FORM)
    for text in LOGIN_FORMS:
        yield post(f"form/login, {label(text)}", LOGIN, text, FORM, token=None)
    for text in (
        "",
        "name=n&code=c",
        "name=n&code=c&is_active=true&should_add_reservations=true",
        "name=&code=",
    ):
        yield post(f"form/provider, {label(text)}", PROVIDERS, text, FORM)
    for text in (
        "",
        "name=n&code=c&provider=1",
        "name=n&code=c&provider=",
        "name=n&code=c&provider=x",
    ):
        yield post(f"form/location, {label(text)}", LOCATIONS, text, FORM)
    for text in (
        "",
        "name=n&code=c",
        "name=n&code=c&remote_id=&stock_list_rule=",
        "name=n&code=c&remote_id=x",
    ):
        yield post(f"form/list, {label(text)}", LISTS, text, FORM)
    kind = ("Content-Type", "multipart/form-data; boundary=x")
    for name, text in MULTIPARTS.items():
        yield post(f"multipart/{name}", STOCKS, text, kind)
    for value in BOUNDARIES:
        yield post(f"multipart/{label(value)}", STOCKS, PARTS + END, ("Content-Type", value))
    yield post("multipart/1001 fields", STOCKS, part("a", "1") * 1001 + END, kind)
    yield post("multipart/101 files", STOCKS, part("a", "1", '; filename="a"') * 101 + END, kind)
    yield post("form/1000 fields", STOCKS, "&".join(["a"] * 1000), FORM)
    yield post("form/1001 fields", STOCKS, "&".join(["a"] * 1001), FORM)
    yield get("query/1000 fields", STOCKS + "?" + "&".join(["a"] * 1000))
    yield get("query/1001 fields", STOCKS + "?" + "&".join(["a"] * 1001))
    yield get("query/1001 blank fields", STOCKS + "?" + "&" * 1000)
    yield get("query/1001 fields, no token", STOCKS + "?" + "&".join(["a"] * 1001), token=None)
    yield get("query/1001 fields, unknown path", "/x/?" + "&".join(["a"] * 1001))
    yield get("query/1001 fields, no slash", "/api/v1/stocks?" + "&".join(["a"] * 1001))


# -------------------------------------------------------------------- periods

PERIOD_VALUES = [
    "null", "{}", '{"lower": "2024-01-01T00:00:00Z"}', '{"upper": "2024-01-01T00:00:00Z"}',
    '{"lower": "2024-01-01T00:00:00Z", "upper": "2024-02-01T00:00:00Z"}',
    '{"upper": "2024-02-01T00:00:00Z", "lower": "2024-01-01T00:00:00Z"}',
    '{"lower": "2024-02-01T00:00:00Z", "upper": "2024-01-01T00:00:00Z"}',
    '{"lower": "2024-01-01T00:00:00Z", "upper": "2024-01-01T00:00:00Z"}',
    '{"lower": "2024-01-01T00:00:00Z", "upper": "2024-01-01T03:00:00+03:00", "bounds": "[]"}',
    '{"lower": null}', '{"upper": null}', '{"lower": null, "upper": null}', '{"lower": "x"}',
    '{"upper": "x"}', '{"lower": "x", "upper": "y"}', '{"lower": ""}', '{"lower": 5}',
    '{"lower": true}', '{"lower": []}', '{"lower": {}}', '{"lower": "2024-01-01"}', '{"foo": 1}',
    '{"foo": 1, "lower": "x"}', '{"bounds": "[)"}',
    '{"lower": "2024-01-01T00:00:00Z", "bounds": "[)"}',
    '{"lower": "2024-01-01T00:00:00Z", "bounds": "()"}',
    '{"lower": "2024-01-01T00:00:00Z", "bounds": "[]"}',
    '{"lower": "2024-01-01T00:00:00Z", "bounds": "(]"}',
    '{"lower": "2024-01-01T00:00:00Z", "upper": "2024-02-01T00:00:00Z", "bounds": "()"}',
    '{"lower": "2024-01-01T00:00:00Z", "upper": "2024-02-01T00:00:00Z", "bounds": "[]"}',
    '{"lower": "2024-01-01T00:00:00Z", "upper": "2024-02-01T00:00:00Z", "bounds": "(]"}',
    '{"empty": true}', '{"empty": false}', '{"empty": true, "lower": "2024-01-01T00:00:00Z"}',
    '{"empty": null}', '{"empty": "x"}', '{"empty": 0}', '{"empty": 1}',
    '{"Lower": "2024-01-01T00:00:00Z"}',
    '{"lower": "2024-01-01T00:00:00.5", "upper": "2024-01-01T00:00:00.500001"}', "[]",
    "[null, null]", '["2024-01-01", "2024-02-01"]', '"2024-01-01"', '""',
    '"[2024-01-01,2024-02-01)"', "5", "5.5", "true", "false",
    '{"lower": "2024-01-01T00:00:00Z", "lower": "2024-03-01T00:00:00Z"}',
]  # fmt: skip

BAD_BOUNDS = ['"x"', '""', "null", '"["', '"[["', '"[) "', "5", "[]", "{}", "true"]


def periods():
    for text in PERIOD_VALUES:
        body = create_body(period=text)
        created = post("", STOCKS, body)
        yield post(f"period/{label(text)}", STOCKS, body)
        yield get(f"period/{label(text)}, read back", STOCKS + "?sku=500", before=(created,))
        yield post(f"period/{label(text)}, again", STOCKS, body, before=(created,))
    for text in BAD_BOUNDS:
        yield post(f"period/bounds {text}", STOCKS, create_body(period='{"bounds": ' + text + "}"))
    yield get("period/all read back", STOCKS, before=(PERIODS,))


# -------------------------------------------------------------------- upserts

GOOD = row("500", "stock_loc_1")

UPSERTS = {
    "the page's": [row(sku, "stock_loc_1") for sku in ("500", "520", "540", "560")],
    "one object": GOOD,
    "empty list": [],
    "empty object": {},
    "empty row": [{}],
    "null row": [None],
    "number row": [5],
    "text row": ["x"],
    "list row": [[]],
    "nested list row": [[GOOD]],
    "boolean row": [True],
    "float row": [1.5],
    "good and bad": [GOOD, {}, GOOD | {"stock": "x"}],
    "bad, good, bad": [{}, GOOD, 5, None, "x", GOOD | {"location": "nope"}],
    "foreign location": GOOD | {"location": "900"},
    "foreign location in a list": [GOOD | {"location": "900"}],
    "good and foreign": [GOOD, GOOD | {"location": "900"}],
    "foreign and bad": [GOOD | {"location": "900"}, {}],
    "twice the same": [GOOD, GOOD | {"stock": 7}],
    "existing": row(SKU, "110", 9),
    "existing in a list": [row(SKU, "110", 9)],
    "existing, bad": [row(SKU, "110", "x")],
    "existing, other unit": row(SKU, "110", 9, unit_type="kg"),
    "existing, inactive": row(SKU, "110", 9, is_active=False),
    "existing, reserved": row(SKU, "110", 9, reserved_stock=4),
    "existing, other type": row(SKU, "110", 9, stock_type="scheduled"),
    "existing, with a period": row(SKU, "110", 9, period=span(lower="2024-01-01T00:00:00Z")),
    "existing, null period": row(SKU, "110", 9, period=None),
    "existing, sku padded": row(f" {SKU} ", "110", 9),
    "existing, location a number": row(SKU, 110, 9),
    "read-only keys": GOOD | {"id": 99, "created_date": "x"},
    "unknown keys": GOOD | {"foo": 1},
    "list in an object": {"0": GOOD},
    "null": None,
    "number": 5,
    "text": "x",
    "boolean": True,
    "a hundred": [row(f"u{number}", "112", number) for number in range(100)],
    "a hundred, the last bad": [row(f"u{number}", "112", number) for number in range(99)] + [{}],
}


def upserts():
    for name, body in UPSERTS.items():
        sent = post("", UPSERT, json.dumps(body))
        yield replace(sent, name=f"upsert/{name}")
        yield get(f"upsert/{name}, read back", STOCKS + "?limit=200", before=(sent,))
    for name in WRITABLE:
        for value in ("null", '""', "[]", "{}", "true", '"x"', "5", "5.5"):
            body = "[" + create_body(**{name: value}) + "]"
            yield post(f"upsert/{name}={value}", UPSERT, body)
    for name in ("provider", "location", "stock", "sku"):
        yield post(f"upsert/without {name}", UPSERT, "[" + create_body(**{name: None}) + "]")
        yield post(f"upsert/object without {name}", UPSERT, create_body(**{name: None}))


# -------------------------------------------------- reservations and queries

READING = "a reading of the page decides, not the framework"

DATE = "2024-01-01T00:00:00+03:00"


def reserve(path, **more):
    return post("", path, {"sku": SKU, "location": "110"} | more)


def reservations():
    once = reserve(INCREASE)
    dated = reserve(INCREASE, date=DATE)
    for operation, path in (("increase", INCREASE), ("decrease", DECREASE)):
        for name, more in {
            "plain": {},
            "with the provider": {"provider": "shop_provider"},
            "with another provider": {"provider": "other_provider"},
            "with an unknown provider": {"provider": "nope"},
            "provider padded": {"provider": " shop_provider "},
            "unknown location": {"location": "nope"},
            "location without stock": {"location": "112"},
            "unknown sku": {"sku": "nope"},
            "sku in lower case": {"sku": SKU.lower()},
            "sku padded": {"sku": f" {SKU} "},
            "location a number": {"location": 110},
            "date": {"date": DATE},
            "bad date and blank sku": {"date": "x", "sku": ""},
            "quantity": {"quantity": 5},
        }.items():
            yield replace(reserve(path, **more), name=f"{operation}/{name}")
            yield replace(
                reserve(path, **more), name=f"{operation}/{name}, after one", before=(once,)
            )
        yield post(f"{operation}/nothing", path, "{}")
        yield post(f"{operation}/no body", path, b"")
        yield Probe(f"{operation}/no body, no type", "POST", path)
        yield post(f"{operation}/sku alone", path, {"sku": SKU})
        yield post(f"{operation}/location alone", path, {"location": "110"})
        query = f"?sku={SKU}&location=110"
        yield Probe(f"{operation}/by query", "POST", path + query)
        yield Probe(f"{operation}/by query, dated", "POST", path + query + "&date=2024-01-01")
        yield Probe(f"{operation}/by query, bad date", "POST", path + query + "&date=x")
        yield Probe(f"{operation}/by query, sku alone", "POST", path + f"?sku={SKU}")
        yield post(f"{operation}/by query, empty object", path + query, "{}")
        yield post(
            f"{operation}/body wins",
            path + "?sku=nope&location=nope",
            {"sku": SKU, "location": "110"},
        )
        yield post(f"{operation}/half and half", path + "?location=110", {"sku": SKU})
        yield post(f"{operation}/list over a query", path + query, "[]")
    for name, probe in {
        "increase/same date again": replace(dated, before=(dated,)),
        "increase/same instant, other offset": replace(
            reserve(INCREASE, date="2023-12-31T21:00:00Z"), before=(dated,)
        ),
        "increase/same instant, date alone": replace(
            reserve(INCREASE, date="2024-01-01"), before=(dated,)
        ),
        "increase/other date": replace(reserve(INCREASE, date="2024-01-02"), before=(dated,)),
        "increase/no date after a date": replace(once, before=(dated,)),
        "increase/same date, provider named": replace(
            reserve(INCREASE, date=DATE, provider="shop_provider"), before=(dated,)
        ),
        "increase/same date, other sku": replace(
            reserve(INCREASE, date=DATE, sku="555AB1300456213003"), before=(dated,)
        ),
        "decrease/date of an increase": replace(reserve(DECREASE, date=DATE), before=(dated,)),
        "decrease/same date again": replace(
            reserve(DECREASE, date=DATE), before=(once, once, reserve(DECREASE, date=DATE))
        ),
        "decrease/date refused at zero, then again": replace(
            reserve(DECREASE, date=DATE), before=(reserve(DECREASE, date=DATE), once)
        ),
        "increase/third time": replace(once, before=(once, once)),
    }.items():
        yield replace(probe, name=name)
    yield get("increase/then listed", STOCKS, before=(once, dated, dated))
    twins = post("", UPSERT, [row("t", "112", 5), row("t", "112", 6, stock_type="scheduled")])
    yield post(
        "increase/the first of two", INCREASE, {"sku": "t", "location": "112"}, before=(twins,)
    )
    sleeping = post("", UPSERT, [row("t", "112", 5, is_active=False)])
    yield post("increase/inactive", INCREASE, {"sku": "t", "location": "112"}, before=(sleeping,))
    below = post("", UPSERT, [row("t", "112", 5, reserved_stock=-3)])
    yield post("decrease/below zero", DECREASE, {"sku": "t", "location": "112"}, before=(below,))
    yield post("increase/below zero", INCREASE, {"sku": "t", "location": "112"}, before=(below,))
    full = post("", UPSERT, [row("t", "112", 5, reserved_stock=2147483647)])
    yield post(
        "increase/at the largest integer", INCREASE, {"sku": "t", "location": "112"}, before=(full,)
    )


SKU_QUERIES = [
    "", "?", "?sku=", "?sku=500", "?sku=none", "?sku=%20500%20", "?sku=a+b", "?sku=%C5%9F",
    "?sku=%00", "?sku=%FF", "?SKU=500", "?location=110", "?sku=500&location=110",
    "?sku=500&sku=505", "?sku=505&sku=500&sku=505", "?sku=500&sku=",
]  # fmt: skip

SKU_BODIES = [
    '{"sku": "500"}', '{"sku": 500}', '{"sku": ["500", "505"]}', '{"sku": ["505", "none", "500"]}',
    '{"sku": []}', '{"sku": ["500", "500"]}', '{"sku": ["500", null, "", true, [], {}, 505, 5.5]}',
    '{"sku": [" 500 "]}', '{"sku": {"a": 1}}', '{"sku": null}', '{"skus": ["500"]}', "{}", "[]",
    '["500"]', "null", '"500"', "5",
]  # fmt: skip

ACTIVE_BODIES = {
    "all": b"", "one": b'{"sku": "500"}', "inactive": b'{"sku": "z"}', "none": b'{"sku": "none"}',
    "object": b"{}", "list": b"[]", "null": b"null", "text": b'"500"',
    "skus": b'{"sku": ["500", "505"]}', "blank": b'{"sku": ""}', "number": b'{"sku": 500}',
}  # fmt: skip

IDENTITIES = [
    "0", "1", "01", "%31", "+1", " 1", "%201", "1%20", "-1", "99", "abc", "1.0", "1_", "٠",
    "%D9%A1", "9223372036854775808", "99999999999999999999", "9" * 400, "9" * 4301, "true", "None",
    "%00", "1%00", "a%2Fb", "%2F", "%FF", "ALPHA", "stock_list_1", "1;x", "1,2", "é", ".", "..",
]  # fmt: skip


def queries():
    stores = post("", UPSERT, [
        row("500", "119", 5), row("500", "110", 7, reserved_stock=3),
        row("500", "112", 2, reserved_stock=9),
        row("500", "115", 4, is_active=False), row("505", "110", 3),
        row("500", "110", 1, stock_type="scheduled"),
        row("500", "900", 8, provider="other_provider"),
        row("a b", "110", 1), row("ş", "110", 2),
    ])  # fmt: skip
    for path in (STOCK_QUERY, MULTI_QUERY, SALABLE_QUERY, MULTI_SALABLE_QUERY):
        for query in SKU_QUERIES:
            yield get(f"query/{path}{query}", path + query, before=(stores,))
        for query in ("?sku=500,505", "?sku[0]=500&sku[1]=505", "?sku[]=500", "?sku%5B0%5D=505"):
            yield get(f"query/{path}{query}", path + query, before=(stores,), apart=READING)
        for body in SKU_BODIES:
            yield Probe(
                f"query/{path} {body}", "GET", path, (JSON,), body.encode(), before=(stores,)
            )
        yield Probe(
            f"query/{path}, body over query",
            "GET",
            path + "?sku=505",
            (JSON,),
            b'{"sku": "500"}',
            before=(stores,),
        )
        yield Probe(f"query/{path}, HEAD", "HEAD", path + "?sku=500", before=(stores,))
    for alias in (ACTIVE, STOCKS + "1/"):
        for name, body in ACTIVE_BODIES.items():
            yield post(f"active/{alias} {name}", alias, body, before=(stores,))
        yield Probe(f"active/{alias} no type", "POST", alias, before=(stores,))
        yield post(f"active/{alias} second page", alias + "?limit=2&page=2", b"", before=(stores,))
        yield post(
            f"active/{alias} one, with links",
            alias + "?limit=1",
            b'{"sku": "500"}',
            before=(stores,),
        )
    for identity in IDENTITIES:
        yield post(
            f"active/id {label(identity)}", f"/api/v1/active-stocks/{escaped(identity)}/", b""
        )
        for path in (PROVIDERS, LOCATIONS, LISTS):
            yield get(f"instance/{path}{label(identity)}", f"{path}{escaped(identity)}/")


# ---------------------------------------------------- places: what is unique

CLASHES = [
    (PROVIDERS, {"name": "shop_provider", "code": "c"}),
    (PROVIDERS, {"name": "n", "code": "shop_provider"}),
    (PROVIDERS, {"name": "shop_provider", "code": "shop_provider"}),
    (PROVIDERS, {"name": " shop_provider ", "code": "c"}),
    (PROVIDERS, {"name": "SHOP_PROVIDER", "code": "SHOP_PROVIDER"}),
    (PROVIDERS, {"name": "shop_provider", "code": ""}),
    (PROVIDERS, {"name": "n", "code": "c", "is_active": False, "should_add_reservations": False}),
    (PROVIDERS, {"id": 9, "name": "n", "code": "c", "created_date": "x", "foo": 1}),
    (PROVIDERS, {}),
    (LOCATIONS, {"name": "110", "code": "c", "provider": 1}),
    (LOCATIONS, {"name": "n", "code": "110", "provider": 1}),
    (LOCATIONS, {"name": "n", "code": "110", "provider": 2}),
    (LOCATIONS, {"name": "n", "code": 110, "provider": "1"}),
    (LOCATIONS, {"name": "n", "code": "c", "provider": "shop_provider"}),
    (LOCATIONS, {"name": "n", "code": "c"}),
    (LOCATIONS, {"provider": 99}),
    (LOCATIONS, {}),
    (LISTS, {"name": "Stock List 1", "code": "c"}),
    (LISTS, {"name": "n", "code": "stock_list_1"}),
    (LISTS, {"name": "n", "code": "c", "remote_id": 1, "stock_list_rule": 1}),
    (LISTS, {"name": "n", "code": "c", "remote_id": None, "stock_list_rule": None}),
    (LISTS, {"name": "n", "code": "c", "is_active": False}),
    (LISTS, {"name": "n", "code": "c", "remote_id": "x", "stock_list_rule": "y"}),
    (LISTS, {}),
]


def places():
    for path, body in CLASHES:
        sent = post("", path, body)
        yield replace(sent, name=f"place/{path} {json.dumps(body)}")
        yield get(f"place/{path} {json.dumps(body)}, read back", path, before=(sent,))
        yield replace(sent, name=f"place/{path} {json.dumps(body)}, again", before=(sent,))
    provider = post("", PROVIDERS, {"name": "new", "code": "new"})
    location = post("", LOCATIONS, {"name": "loc", "code": "L1", "provider": 3})
    yield post(
        "place/a stock at a new place",
        STOCKS,
        row("1", "L1") | {"provider": "new"},
        before=(provider, location),
    )
    yield get("place/a new instance", PROVIDERS + "3/", before=(provider,))
    yield get(
        "place/name is not code",
        f"{STOCK_QUERY}?sku=1",
        before=(provider, location, post("", STOCKS, row("1", "L1") | {"provider": "new"})),
    )
    yield post(
        "place/by code, not name",
        STOCKS,
        row("1", "loc") | {"provider": "new"},
        before=(provider, location),
    )
    yield get(
        "place/filter by name",
        f"{STOCKS}?location_name=O",
        before=(provider, location, post("", STOCKS, row("1", "L1") | {"provider": "new"})),
    )


# ------------------------------------------------------------ paths and methods

PATHS = [
    "/", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/stocks/", "/api/v1/stock/",
    "/API/V1/STOCKS/", "/api/v1/Stocks/", "/api/v1/stocks", "/api/v1/stocks?",
    "/api/v1/stocks?page=2", "/api/v1/stocks?a=b&c=%20x+y&d=%C3%A7&e=\xe7", "/api/v1/stocks//",
    "//api/v1/stocks/", "/api//v1/stocks/", "/api/v1//stocks/", "/api/v1/stocks/?",
    "/api/v1/stocks/#x", "/api/v1/stocks/;x", "/api/v1/stocks;x/", "/api/v1/%73tocks/",
    "/api/v1/stock%73", "/api%2Fv1/stocks/", "/api/v1/stocks%2F", "/api/v1/stocks%3F",
    "/api/v1/stocks/%20", "/api/v1/stocks%20/", "/api/v1/stocks/%00/", "/api/v1/stocks/%FF/",
    "/api/v1/stocks/%zz/", "/api/v1/stocks/%0A", "/api/v1/stocks/\xe7/", "/api/v1/stocks.json",
    "/api/v1/stocks.json/", "/api/v1/stocks/abc/", "/api/v1/stocks/abc", "/api/v1/stocks/2/",
    "/api/v1/stocks/2", "/api/v1/stocks/a.b/", "/api/v1/stocks/a/b/", "/api/v1/stocks/1/2",
    "/api/v1/stocks/stock_query", "/api/v1/stocks/stock_query?sku=1", "/api/v1/stocks/STOCK_QUERY/",
    "/api/v1/stocks/stock-query/", "/api/v1/stocks/increase_reserved_stock",
    "/api/v1/stocks/insert_or_update_stock", "/api/v1/active-stocks/", "/api/v1/active-stocks",
    "/api/v1/active-stocks/1", "/api/v1/active-stocks/1/2/", "/api/v1/active-stocks/a.b/",
    "/api/v1/active_stocks/1/", "/api/v1/providers", "/api/v1/providers/1",
    "/api/v1/providers/1/stocks/", "/api/v1/providers/shop_provider/", "/api/v1/stock-locations",
    "/api/v1/stock-locations/1", "/api/v1/stock_locations/", "/api/v1/stock-lists",
    "/api/v1/stock-lists/1", "/api/v1/stock-list-rules/", "/api/v1/auth/login", "/api/v1/auth/",
    "/api/v1/auth/logout/", "/favicon.ico", "/robots.txt", "/admin/", "/../api/v1/stocks/",
    "/./api/v1/stocks/", "/api/v1/./stocks/", "/api/v1/x/../stocks/", "/api/v1/stocks/..",
    "/api/v1/%2e%2e/v1/stocks/", "/api/v1/stocks/%E2%80%A8/", "/api/v1/stocks\\", "/" + "a" * 1000,
    "/api/v1/stocks/" + "a" * 300 + "/", "//evil.example/", "//evil.example", "///",
    "/api/v1/stocks?next=//evil", "/%2Fapi/v1/stocks", "/api/v1/provider%73",
    "/api/v1/stocks/stock%5Fquery/", "/api/v1/stocks/stock_query/?sku=1?",
    "/api/v1/stocks/1?x=%zz&y=\"<>", "/api/v1/stocks?x=[]|^`", "/api/v1/stocks?x='*()",
]  # fmt: skip

ROUTES = [
    STOCKS, INCREASE, DECREASE, UPSERT, STOCK_QUERY, MULTI_QUERY, SALABLE_QUERY,
    MULTI_SALABLE_QUERY, ACTIVE, STOCKS + "1/", "/api/v1/active-stocks/99/", PROVIDERS,
    PROVIDERS + "1/", PROVIDERS + "99/", PROVIDERS + "abc/", LOCATIONS, LOCATIONS + "1/", LISTS,
    LISTS + "1/", LOGIN, "/nothing/", "/api/v1/stocks",
]  # fmt: skip

METHODS = [
    "GET",
    "HEAD",
    "OPTIONS",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "FOO",
    "PROPFIND",
    "LINK",
    "M-SEARCH",
]


def routes():
    for path in PATHS:
        sent, apart = (path, SERVER) if "\xe7" in path else (escaped(path), "")
        yield get(f"path/{label(path)}", sent, apart=apart)
        yield post(f"path/POST {label(path)}", sent, "{}", apart=apart)
    for path in ROUTES:
        for method in METHODS:
            yield Probe(f"method/{method} {path}", method, path)
            yield Probe(f"method/{method} {path}, no token", method, path, token=None)
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"):
            yield Probe(f"method/{method} {path}, bad body", method, path, (JSON,), b"{")
            yield Probe(
                f"method/{method} {path}, text body",
                method,
                path,
                (("Content-Type", "text/plain"),),
                b"{",
            )
    for path in (STOCKS + "?page=9", STOCKS + "?stock=x"):
        yield Probe(f"method/HEAD {path}", "HEAD", path)
        yield Probe(f"method/OPTIONS {path}", "OPTIONS", path)


def logins():
    for name, body in {
        "right": {"username": "integrator", "password": "secret"},
        "username padded": {"username": " integrator ", "password": "secret"},
        "password padded": {"username": "integrator", "password": " secret "},
        "other case": {"username": "Integrator", "password": "secret"},
        "wrong password": {"username": "integrator", "password": "x"},
        "unknown user": {"username": "x", "password": "secret"},
        "nothing": {},
        "username alone": {"username": "integrator"},
        "password alone": {"password": "secret"},
        "all blank": {"username": "", "email": "", "password": ""},
        "all null": {"username": None, "email": None, "password": None},
        "all lists": {"username": [], "email": [], "password": []},
        "email": {"email": "a@b.co", "password": "secret"},
        "bad email": {"email": "x", "password": "secret"},
        "bad email and all": {"username": "integrator", "email": "x", "password": ""},
        "email and username": {"username": "integrator", "email": "a@b.co", "password": "secret"},
        "list": [],
        "null": None,
    }.items():
        yield post(f"login/{name}", LOGIN, body, token=None)
        yield post(f"login/{name}, with a token", LOGIN, body)


# ------------------------------------------------------------------- charsets

# Names as a Content-Type spells them: of one byte a character, of several, and of neither.
CHARSETS = [
    "utf-8", "utf8", "UTF8", "utf_8", "U8", "utf-8-sig", "cp65001", "ascii", "us-ascii", "646",
    "ANSI_X3.4-1968", "latin-1", "latin1", "L1", "iso-8859-1", "ISO_8859-1", "iso8859-1", "8859",
    "cp819", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7",
    "iso-8859-8", "iso-8859-9", "ISO8859_9", "latin5", "L5", "iso-ir-148", "iso-8859-10",
    "iso-8859-11", "iso-8859-12", "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16",
    "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "WINDOWS_1254",
    "cp1254", "CP-1254", "1254", "x-cp1254", "windows-1255", "windows-1256", "windows-1257",
    "windows-1258", "cp437", "cp850", "cp852", "cp857", "ibm857", "cp866", "cp874", "koi8-r",
    "koi8-u", "macintosh", "mac-turkish", "mac_latin2", "tis-620", "kz1048", "ptcp154",
    "utf-16", "utf16", "U16", "utf-16-le", "utf-16le", "UTF-16LE", "utf-16-be", "utf-16be",
    "utf-32", "U32", "utf-32-le", "utf-32-be", "ucs-2", "ucs-4", "utf-7",
    "shift_jis", "euc-jp", "iso-2022-jp", "gb2312", "gbk", "gb18030", "big5", "euc-kr",
    "bogus", "utf-9", "iso-8859-99", "iso-8859-9-x", "", "none", "*", "utf 8", " utf-8", "\"utf-8\"",
    "'utf-8'", "utf-8,latin-1", "utf-8;charset=latin-1", "latin-1; charset=utf-8", "\xfe",
    "rot13", "base64", "hex", "zip", "idna", "punycode", "unicode_escape", "raw_unicode_escape",
    "undefined", "mbcs", "oem", "charmap", "a" * 300,
]  # fmt: skip

CHARSET_TEXTS = {"ascii": "abc", "turkish": "şİı", "latin": "éß", "euro": "€", "cyrillic": "ж"}

CHARSET_BYTES = {
    "every byte": bytes(range(0x80, 0x100)),
    "81": b"\x81",
    "98": b"\x98",
    "d2": b"\xd2",
    "ff": b"\xff",
    "fd fe": b"\xfd\xfe",
    "utf-8": "ş".encode(),
}


def spelled(text, charset):
    """The text in the charset, or nothing where it cannot be written in it."""
    try:
        return text.encode(charset.strip("\"' "))
    except (LookupError, UnicodeError, ValueError, AttributeError):
        return None


def charsets():
    """A body, a form and a query in the charset that the Content-Type names."""
    for charset in CHARSETS:
        kind = ("Content-Type", f"application/json; charset={charset}")
        name = f"charset/{label(charset)}"
        for wording, text in CHARSET_TEXTS.items():
            body = spelled(create_body(sku=f'"{text}"'), charset)
            if body is not None:
                yield post(f"{name}, {wording}", STOCKS, body, kind)
        for wording, text in CHARSET_BYTES.items():
            body = create_body().encode().replace(b"500", b"5" + text)
            yield post(f"{name}, bytes {wording}", STOCKS, body, kind)
        yield post(f"{name}, odd length", STOCKS, create_body().encode("utf-16-le")[:-1], kind)
        yield post(f"{name}, marked", STOCKS, create_body().encode("utf-16"), kind)
        yield post(
            f"{name}, marked the other way",
            STOCKS,
            b"\xfe\xff" + create_body().encode("utf-16-be"),
            kind,
        )
        yield post(
            f"{name}, half a pair", STOCKS, create_body().encode("utf-16-le") + b"\x00\xd8", kind
        )
        yield post(f"{name}, no JSON", STOCKS, spelled("{ş}", charset) or b"{\xfe}", kind)
        yield post(f"{name}, nothing", STOCKS, b"", kind)
        form = ("Content-Type", f"application/x-www-form-urlencoded; charset={charset}")
        for wording, text in (("utf-8", "%C5%9F"), ("latin", "%FE"), ("plain", "abc")):
            yield post(f"{name}, form of {wording}", STOCKS, PLAIN.replace("500", text), form)
            path = f"{STOCKS}?limit=1&x={text}"
            yield get(f"{name}, link of {wording}", path, kind)
            yield get(f"{name}, filter of {wording}", f"{STOCKS}?sku={text}", kind)
            yield Probe(
                f"{name}, reserve {wording}", "POST", f"{INCREASE}?sku={text}&location=110", (kind,)
            )
        body = spelled('{"sku": "500"}', charset)
        if body is not None:
            yield Probe(f"{name}, query", "GET", STOCK_QUERY, (kind,), body)
            yield post(f"{name}, active", ACTIVE, body, kind)
            yield post(
                f"{name}, provider", PROVIDERS, spelled('{"name": "n", "code": "c"}', charset), kind
            )


# --------------------------------------------------------------- case folding

FOLDING_NAMES = [
    "İstanbul", "istanbul", "ISTANBUL", "ıstanbul", "i\u0307stanbul", "Straße", "STRASSE", "STRAẞE",
    "oﬃce", "OFFICE", "ſea", "Kelvin \u212a", "Ångström \u212b", "Σίσυφος", "ΣΊΣΥΦΟΣ", "ǆ ǅ Ǆ",
    "ŉ", "ʼN", "µ", "Μ μ", "Ωmega \u2126", "ᾳ", "ΑΙ", "ΐ", "e\u0301", "É", "ÿ", "Ÿ", "ა", "Ა",
    "ⅷ", "Ⅷ", "ⓩ", "Ⓩ", "𐐨", "𐐀", "ꭰ", "Ꭰ", "ꙋ", "ᲈ", "æ", "Æ", "ᏸ", "Ᏸ", "%_\\",
]  # fmt: skip

# Every letter that has another case, as far as Python knows.
LETTERS = [
    letter
    for letter in map(chr, range(0x80, 0x20000))
    if not "\ud800" <= letter <= "\udfff" and (letter.upper() != letter or letter.lower() != letter)
]


def cases():
    """`icontains` on names in several alphabets, letter by letter."""
    size = 200
    alphabets = ["".join(LETTERS[start : start + size]) for start in range(0, len(LETTERS), size)]
    named = tuple(
        post("", LOCATIONS, {"code": f"f{number}", "name": name, "provider": 1})
        for number, name in enumerate([*FOLDING_NAMES, *alphabets])
    )
    stocked = post("", UPSERT, [row(f"f{number}", f"f{number}") for number in range(len(named))])
    before = (*named, stocked)
    for text in FOLDING_NAMES:
        for wording, asked in (
            ("as it is", text),
            ("upper", text.upper()),
            ("lower", text.lower()),
        ):
            path = f"{STOCKS}?limit=100&location_name={quote(asked)}"
            yield get(f"case/{text}, {wording}", path, before=before)
    for asked in (
        "i",
        "I",
        "s",
        "S",
        "ss",
        "SS",
        "k",
        "K",
        "fi",
        "FI",
        "ff",
        "n",
        "stan",
        "\u0307",
    ):
        path = f"{STOCKS}?limit=100&location_name={quote(asked)}"
        yield get(f"case/{label(asked)}", path, before=before)
    for letter in LETTERS:
        path = f"{STOCKS}?limit=100&location_name={quote(letter)}"
        yield get(f"case/letter U+{ord(letter):04X}", path, before=before)


# ------------------------------------------------------------ the ends of types

WHOLE_ENDS = [
    "2147483646", "2147483647", "2147483648", "2147483649", "-2147483647", "-2147483648",
    "-2147483649", "9223372036854775806", "9223372036854775807", "9223372036854775808",
    "-9223372036854775807", "-9223372036854775808", "-9223372036854775809", "1e9", "1e10", "1e18",
    "1e19", "-1e19", "1e20", "18446744073709551615", "18446744073709551616", "1e38", "1e39", "1e49",
    "1e50", "2147483647.5", "-2147483648.5", "2147483647.0", "9223372036854775807.9", "0.1e20",
    "32767", "32768",
]  # fmt: skip

DATE_ENDS = [
    "9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59+05:00", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59.999999-23:59", "9999-12-31T20:59:59.999999Z", "9999-12-31T21:00:00Z",
    "9999-12-31T23:59:59", "9999-12-31T00:00:00", "9999-12-31", "9999-12-30T23:59:59-23:59",
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00-00:01",
    "0001-01-01T00:00:00+03:00", "0001-01-01T02:59:59+03:00", "0001-01-01T03:00:00+03:00",
    "0001-01-01T00:00:00-03:00", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00-23:59",
    "0001-01-01T23:59:59+23:59", "0001-01-02T00:00:00+23:59", "0001-01-01T01:56:56+01:56:56",
    "0001-01-01T00:00:00.000001Z", "0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "2038-01-19T03:14:08Z",
    "1582-10-10T00:00:00Z", "4713-01-01T00:00:00Z",
]  # fmt: skip

ID_ENDS = [
    "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "1e19",
    "-9223372036854775808", "-9223372036854775809", "0", "-1",
]  # fmt: skip


def ends():
    """The largest and the smallest that a column, a Python type or the calendar holds."""
    lookups = ("", "__gt", "__gte", "__lt", "__lte")
    for name in ("stock", "reserved_stock"):
        for lookup in lookups:
            for value in WHOLE_ENDS:
                yield get(f"end/{name}{lookup}={value}", f"{STOCKS}?{name}{lookup}={value}")
        for value in WHOLE_ENDS:
            yield post(f"end/create {name}={value}", STOCKS, create_body(**{name: value}))
            yield post(f"end/create {name}='{value}'", STOCKS, create_body(**{name: f'"{value}"'}))
    for name in ("created_date", "modified_date"):
        for lookup in lookups:
            for value in DATE_ENDS:
                path = f"{STOCKS}?{name}{lookup}={quote(value, safe='')}"
                yield get(f"end/{name}{lookup}={value}", path, apart=local_then(value))
    for lookup in ("startswith__gte", "startswith__lte", "endswith__gte", "endswith__lte"):
        for value in DATE_ENDS:
            path = f"{STOCKS}?period__{lookup}={quote(value, safe='')}"
            yield get(
                f"end/period__{lookup}={value}", path, before=(PERIODS,), apart=local_then(value)
            )
    for value in DATE_ENDS:
        old = ZONE if value < "2016-09" else ""
        for end in ("lower", "upper"):
            body = create_body(period=f'{{"{end}": "{value}"}}')
            yield post(f"end/period {end} {value}", STOCKS, body, apart=old)
        body = {"sku": SKU, "location": "110", "date": value}
        yield post(f"end/reservation {value}", INCREASE, body, apart=local_then(value))
    for value in ID_ENDS:
        for path in (PROVIDERS, LOCATIONS, LISTS, "/api/v1/active-stocks/"):
            method = "POST" if path.endswith("active-stocks/") else "GET"
            yield Probe(f"end/{path}{value}", method, f"{path}{value}/")
        body = object_text({"name": '"n"', "code": '"c"', "provider": value})
        yield post(f"end/location of {value}", LOCATIONS, body)
        for name in ("remote_id", "stock_list_rule"):
            body = object_text({"name": '"n"', "code": '"c"', name: value})
            yield post(f"end/list {name}={value}", LISTS, body)
        for name in ("page", "limit"):
            yield get(f"end/{name}={value}", f"{STOCKS}?{name}={value}")
        yield get(f"end/sort and page {value}", f"{STOCKS}?sort=-id&limit=1&page={value}")


def local_then(text):
    """Why a date may differ: without an offset it is the local time of years long gone."""
    offset = text.endswith("Z") or "+" in text or text.count("-") > 2
    return "" if offset or text > "2016-09" else ZONE


# --------------------------------------------------------------------- at random

SEED = 20230510


def at_random():
    """Thousands of requests out of the tables above, the same ones every time."""
    draw = Random(SEED)
    for number in range(2400):
        yield get(
            f"random/list {number}",
            f"{STOCKS}?{random_query(draw)}",
            before=draw.choice(((), (MIXED,), (PERIODS,), (MANY,))),
        )
    for number in range(1200):
        names = draw.sample(WRITABLE, draw.randint(1, 4))
        body = create_body(**{name: whole(draw.choice(VALUES)) for name in names})
        yield post(f"random/create {number}", STOCKS, body)
    for number in range(800):
        rows = [random_row(draw) for _ in range(draw.randint(1, 5))]
        yield post(f"random/upsert {number}", UPSERT, f"[{', '.join(rows)}]")
    for number in range(600):
        path, body = random_reservation(draw)
        earlier = [random_reservation(draw) for _ in range(draw.randint(0, 3))]
        before = tuple(post("", *each) for each in earlier)
        yield post(f"random/reservation {number}", path, body, before=before)
    for number in range(600):
        writes = [
            draw.choice((("", *random_reservation(draw)), ("", UPSERT, f"[{random_row(draw)}]")))
            for _ in range(draw.randint(1, 3))
        ]
        before = tuple(post(*each) for each in writes)
        yield get(f"random/written, then read {number}", f"{STOCKS}?sort=id", before=before)


def random_query(draw):
    parts = []
    for name in draw.sample(sorted(FILTERS), draw.randint(0, 4)):
        parts.append(f"{name}={escaped(draw.choice(FILTERS[name]))}")
    if draw.random() < 0.4:
        lookup = draw.choice(("", "__gt", "__gte", "__lt", "__lte"))
        name = draw.choice(("created_date", "modified_date"))
        parts.append(f"{name}{lookup}={quote(draw.choice(DATE_TIMES), safe='')}")
    # An order that leaves nothing open.
    parts.append(f"sort={draw.choice(('', '-'))}{draw.choice(SORTABLE)},id")
    if draw.random() < 0.5:
        parts.append(f"limit={draw.choice(('1', '2', '5', '0', 'x', '', '1001'))}")
    if draw.random() < 0.4:
        parts.append(f"page={draw.choice(('1', '2', '3', 'last', '0', '', 'x'))}")
    draw.shuffle(parts)
    return "&".join(part for part in parts if not HYPERS_OWN & set(part))


SORTABLE = ["stock", "reserved_stock", "sku", "is_active", "unit_type", "stock_type", "provider"]
# Characters that the mock's HTTP library refuses in a request line.
HYPERS_OWN = set('<>"')


def random_row(draw):
    """A row of an upsert as JSON: mostly good, sometimes with fields out of the odd values."""
    given = {
        "provider": draw.choice(('"shop_provider"', '"shop_provider"', '"other_provider"')),
        "location": draw.choice(('"110"', '"112"', '"115"', '"900"', "110")),
        "stock": str(draw.randint(-3, 12)),
        "sku": draw.choice((f'"{SKU}"', '"500"', '"501"', "502")),
    }
    for name in draw.sample(WRITABLE, draw.choice((0, 0, 0, 1, 2))):
        given[name] = whole(draw.choice(VALUES))
    return object_text(given)


def whole(value):
    """The value, but none with half of a surrogate pair."""
    return '"x"' if "\\ud" in value else value


def random_reservation(draw):
    given = {
        "sku": draw.choice((f'"{SKU}"', '"500"', f'" {SKU} "', '""')),
        "location": draw.choice(('"110"', '"110"', "110", '"112"', "null")),
        "provider": draw.choice((None, None, '"shop_provider"', '"other_provider"', '""')),
        "date": draw.choice(
            (None, None, '"2024-01-01"', f'"{DATE}"', '"2023-12-31T21:00:00Z"', '"x"')
        ),
    }
    return draw.choice((INCREASE, INCREASE, DECREASE)), object_text(given)


CORNERS = [
    fields, combinations, date_times, filters, pages, headers, charsets, json_syntax, forms,
    periods, upserts, reservations, queries, places, routes, logins, cases, ends, at_random,
]  # fmt: skip


def all_probes():
    """Every probe; each name is one probe's own."""
    seen = set()
    for corner in CORNERS:
        for probe in corner():
            if probe.name in seen:
                raise ValueError(f"two probes are called {probe.name}")
            seen.add(probe.name)
            yield probe
