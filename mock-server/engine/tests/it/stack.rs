//! The stack's behaviour, byte for byte, as docs/stack.md records it.

use rstest::rstest;
use serde_json::{Value, json};

use super::api::{
    ACTIVE, Api, DECREASE, INCREASE, MULTI_QUERY, QUERY, SKU, STOCKS, UPSERT, request, stock, store,
};

const LOGIN: &str = "/api/v1/auth/login/";

fn detail(sentence: &str) -> String {
    json!({ "detail": sentence }).to_string()
}

/// The errors of one field.
fn field(name: &str, sentence: &str) -> String {
    json!({ name: [sentence] }).to_string()
}

fn with_token(token: &[&str]) -> Api {
    let tokens = token.iter().map(|&token| token.to_owned()).collect();
    let settings = whippy_engine::endpoints::call::Settings {
        tokens,
        credentials: Some(("integrator".to_owned(), "secret".to_owned())),
        ..Default::default()
    };
    let mut api = Api::documented();
    api.engine = whippy_engine::engine::Engine::new(settings, store("documented"));
    api
}

#[rstest]
#[case::none(None, "Authentication credentials were not provided.")]
#[case::empty(Some(""), "Authentication credentials were not provided.")]
#[case::bearer(Some("Bearer k"), "Authentication credentials were not provided.")]
#[case::bare(Some("k"), "Authentication credentials were not provided.")]
#[case::unknown(Some("Token zzz"), "Invalid token.")]
#[case::scheme_only(Some("Token"), "Invalid token header. No credentials provided.")]
#[case::blank(Some("Token "), "Invalid token header. No credentials provided.")]
#[case::two(
    Some("Token a b"),
    "Invalid token header. Token string should not contain spaces."
)]
fn a_request_without_a_known_token_is_refused(
    #[case] header: Option<&str>,
    #[case] sentence: &str,
) {
    let mut api = with_token(&["k"]);
    for method in ["GET", "PUT", "OPTIONS"] {
        let mut asked = request(method, STOCKS, &[], "{");
        asked.headers_mut().remove("authorization");
        if let Some(header) = header {
            asked
                .headers_mut()
                .insert("authorization", header.parse().unwrap());
        }
        let got = api.send(&asked).status(401).body(&detail(sentence));
        assert_eq!(got.header("www-authenticate"), "Token");
    }
}

#[rstest]
#[case("Token k")]
#[case("token k")]
#[case("TOKEN    k")]
fn a_known_token_is_let_in(#[case] header: &str) {
    let headers = [("authorization", header)];
    with_token(&["j", "k"])
        .send(&request("GET", STOCKS, &headers, ""))
        .status(200);
}

#[rstest]
#[case::bytes_that_are_text(&b"Token \xc3\xa9"[..], "Invalid token.")]
#[case::bytes_that_are_none(
    &b"Token \xff"[..],
    "Invalid token header. Token string should not contain invalid characters."
)]
fn a_token_may_be_bytes(#[case] header: &[u8], #[case] sentence: &str) {
    let mut asked = request("GET", STOCKS, &[], "");
    let value = http::HeaderValue::from_bytes(header).unwrap();
    asked.headers_mut().insert("authorization", value);
    with_token(&["k"])
        .send(&asked)
        .status(401)
        .body(&detail(sentence));
}

#[rstest]
#[case(json!({}), 400, field("password", "This field is required."))]
#[case(
    json!({"username": "integrator", "password": "wrong"}),
    400,
    field("non_field_errors", "Unable to log in with provided credentials.")
)]
#[case(
    json!({"password": "secret"}),
    400,
    field("non_field_errors", "Unable to log in with provided credentials.")
)]
#[case(json!({"username": "integrator", "password": "secret"}), 200, json!({"key": "k"}).to_string())]
fn a_login_is_answered(#[case] body: Value, #[case] status: u16, #[case] answer: String) {
    let mut api = with_token(&["k"]);
    let mut asked = request(
        "POST",
        LOGIN,
        &[("content-type", "application/json")],
        &body.to_string(),
    );
    asked.headers_mut().remove("authorization");
    api.send(&asked).status(status).body(&answer);
    // A bad token is refused even here.
    asked
        .headers_mut()
        .insert("authorization", "Token zzz".parse().unwrap());
    api.send(&asked).status(401).body(&detail("Invalid token."));
}

#[test]
fn any_pair_logs_in_where_none_is_set_and_gets_its_own_token() {
    let mut api = Api::documented();
    let mut key = |name: &str| {
        let body = json!({"username": name, "password": "p"});
        api.post(LOGIN, &body).status(200).json()["key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (ada, bob) = (key("ada"), key("bob"));
    assert_eq!(ada.len(), 40);
    assert_ne!(ada, bob);
    assert_eq!(ada, key("ada"));
}

#[rstest]
#[case(
    "{",
    "JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
)]
#[case("nope", "JSON parse error - Expecting value: line 1 column 1 (char 0)")]
#[case(
    "{\"a\":1} x",
    "JSON parse error - Extra data: line 1 column 9 (char 8)"
)]
#[case(
    "NaN",
    "JSON parse error - Out of range float values are not JSON compliant: 'NaN'"
)]
fn a_body_that_is_not_json_is_refused(#[case] body: &str, #[case] sentence: &str) {
    let json = [("content-type", "application/json")];
    for path in [STOCKS, INCREASE, UPSERT, ACTIVE] {
        let got = Api::documented().send(&request("POST", path, &json, body));
        got.status(400).body(&detail(sentence));
    }
}

#[rstest]
#[case("[]", "Invalid data. Expected a dictionary, but got list.")]
#[case("\"x\"", "Invalid data. Expected a dictionary, but got str.")]
#[case("1", "Invalid data. Expected a dictionary, but got int.")]
#[case("1.5", "Invalid data. Expected a dictionary, but got float.")]
#[case("true", "Invalid data. Expected a dictionary, but got bool.")]
#[case("null", "No data provided")]
fn a_body_that_is_no_object_is_refused(#[case] body: &str, #[case] sentence: &str) {
    let json = [("content-type", "application/json")];
    for path in [STOCKS, INCREASE] {
        let got = Api::documented().send(&request("POST", path, &json, body));
        got.status(400).body(&field("non_field_errors", sentence));
    }
}

#[rstest]
#[case("text/plain; charset=utf-8")]
#[case("application/vnd.api+json")]
#[case("text/xml")]
fn another_media_type_is_refused(#[case] media_type: &str) {
    let headers = [("content-type", media_type)];
    let got = Api::documented().send(&request("POST", STOCKS, &headers, "{}"));
    let sentence = format!("Unsupported media type \"{media_type}\" in request.");
    got.status(415).body(&detail(&sentence));
}

#[rstest]
#[case("application/json; charset=utf-8")]
#[case("APPLICATION/JSON")]
fn json_is_recognised_in_any_dress(#[case] media_type: &str) {
    let headers = [("content-type", media_type)];
    let body = stock("new", "112").to_string();
    Api::documented()
        .send(&request("POST", STOCKS, &headers, &body))
        .status(201);
}

#[rstest]
#[case("*/*", 200)]
#[case("application/*", 200)]
#[case("application/json;q=0.5", 200)]
#[case("text/html, application/json", 200)]
#[case("text/html", 406)]
#[case("application/xml", 406)]
#[case("garbage", 406)]
#[case("", 406)]
fn the_accept_header_is_obeyed(#[case] accept: &str, #[case] status: u16) {
    // 406 comes before 401.
    let mut asked = request("GET", STOCKS, &[("accept", accept)], "");
    if status == 406 {
        asked.headers_mut().remove("authorization");
    }
    let got = Api::documented().send(&asked).status(status);
    if status == 406 {
        got.body(&detail("Could not satisfy the request Accept header."));
    }
}

#[test]
fn an_indent_is_obeyed_and_another_format_is_not_found() {
    let accept = [("accept", "application/json; indent=2")];
    let got = Api::documented().send(&request("POST", STOCKS, &accept, ""));
    insta::assert_snapshot!(got.status(400).text(), @r#"
    {
      "provider": [
        "This field is required."
      ],
      "location": [
        "This field is required."
      ],
      "stock": [
        "This field is required."
      ],
      "sku": [
        "This field is required."
      ]
    }
    "#);
    let not_found = detail("Not found.");
    Api::documented()
        .get(&format!("{STOCKS}?format=xml"))
        .status(404)
        .body(&not_found);
    Api::documented()
        .get(&format!("{STOCKS}?format=json"))
        .status(200);
}

#[rstest]
#[case("iso-8859-9", b"\xd6\xfe", "Öş")]
#[case("windows-1254", b"\x80\xfd", "€ı")]
#[case("ISO_8859-1", b"\xd6\xfe", "Öþ")]
#[case("utf-8", "Öş".as_bytes(), "Öş")]
#[case("bogus", "Öş".as_bytes(), "Öş")]
fn a_body_is_read_in_the_charset_that_its_type_names(
    #[case] charset: &str,
    #[case] sku: &[u8],
    #[case] shown: &str,
) {
    let before = b"{\"provider\":\"shop_provider\",\"location\":\"112\",\"stock\":5,\"sku\":\"";
    let typed = [(
        "content-type",
        format!("application/json; charset={charset}"),
    )];
    let typed = typed
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let mut asked = request("POST", STOCKS, &typed, "");
    *asked.body_mut() = [&before[..], sku, b"\"}"].concat().into();
    let created = Api::documented().send(&asked).status(201).json();
    assert_eq!(created["sku"], shown);
}

#[test]
fn a_body_that_is_not_in_its_charset_is_refused_in_the_words_of_the_codec() {
    let typed = [("content-type", "application/json; charset=us-ascii")];
    let asked = request("POST", STOCKS, &typed, "{ş}");
    let why = "JSON parse error - 'ascii' codec can't decode byte 0xc5 in position 1: ordinal not in range(128)";
    Api::documented()
        .send(&asked)
        .status(400)
        .body(&detail(why));
}

#[rstest]
#[case("PUT", STOCKS, "GET, POST, HEAD, OPTIONS")]
#[case("DELETE", STOCKS, "GET, POST, HEAD, OPTIONS")]
#[case("TRACE", STOCKS, "GET, POST, HEAD, OPTIONS")]
#[case("BREW", STOCKS, "GET, POST, HEAD, OPTIONS")]
#[case("GET", INCREASE, "POST, OPTIONS")]
#[case("POST", QUERY, "GET, HEAD, OPTIONS")]
#[case("GET", ACTIVE, "POST, OPTIONS")]
#[case("GET", LOGIN, "POST, OPTIONS")]
#[case("POST", "/api/v1/providers/1/", "GET, HEAD, OPTIONS")]
fn another_method_is_refused(#[case] method: &str, #[case] path: &str, #[case] allow: &str) {
    let got = Api::documented()
        .send(&request(method, path, &[], ""))
        .status(405);
    assert_eq!(got.header("allow"), allow);
    got.body(&detail(&format!("Method \"{method}\" not allowed.")));
}

#[test]
fn a_head_is_a_get_without_its_body() {
    let mut api = Api::documented();
    let get = api.get(STOCKS);
    let head = api.send(&request("HEAD", STOCKS, &[], "")).status(200);
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(head.header("content-type"), "application/json");
    assert!(head.body.is_empty());
}

#[rstest]
#[case("GET", "/api/v1/stocks", "/api/v1/stocks/")]
#[case("POST", "/api/v1/stocks?a=b&c=%20", "/api/v1/stocks/?a=b&c=%20")]
#[case("DELETE", "/api/v1/stocks/stock_query?", "/api/v1/stocks/stock_query/")]
#[case("GET", "/api/v1/providers/1", "/api/v1/providers/1/")]
fn a_path_without_its_slash_leads_to_the_one_with_it(
    #[case] method: &str,
    #[case] path: &str,
    #[case] location: &str,
) {
    let mut asked = request(method, path, &[], "{");
    asked.headers_mut().remove("authorization");
    let got = Api::documented().send(&asked).status(301).body("");
    assert_eq!(got.header("location"), location);
    assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
}

#[rstest]
#[case("/")]
#[case("/api/v1/stock/")]
#[case("/api/v1/Stocks/")]
#[case("/api/v1//stocks/")]
#[case("/api/v1/stocks/a.b/")]
#[case("/api/v1/stocks/1/2/")]
#[case("/nothing")]
fn an_unknown_path_gets_the_stacks_page(#[case] path: &str) {
    let mut asked = request("GET", path, &[], "");
    asked.headers_mut().remove("authorization");
    let got = Api::documented().send(&asked).status(404);
    assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(got.body.len(), 179);
    assert_eq!(got.rule(), "unrouted/no-such-path; grade=stack");
}

#[rstest]
#[case("/api/v1/st%6Fcks/")]
#[case("/api/v1/stocks%2F")]
fn a_path_is_decoded_first(#[case] path: &str) {
    Api::documented().get(path).status(200);
}

#[rstest]
#[case("/api/v1/providers/99/")]
#[case("/api/v1/providers/abc/")]
#[case("/api/v1/stock-lists/99/")]
fn an_object_that_is_not_there_is_not_found_in_json(#[case] path: &str) {
    Api::documented()
        .get(path)
        .status(404)
        .body(&detail("Not found."));
}

#[rstest]
#[case("limit=1", Some("limit=1&page=2"), None)]
#[case("limit=1&page=1", Some("limit=1&page=2"), None)]
#[case("limit=1&page=2", Some("limit=1&page=3"), Some("limit=1"))]
#[case("page=3&limit=1", None, Some("limit=1&page=2"))]
#[case(
    "page=2&limit=1&b=%C3%A7&a=x+y&sku=",
    Some("a=x+y&b=%C3%A7&limit=1&page=3&sku="),
    Some("a=x+y&b=%C3%A7&limit=1&sku=")
)]
#[case(
    "limit=1&format=json&x=1&x=0",
    Some("format=json&limit=1&page=2&x=1&x=0"),
    None
)]
#[case("limit=0", None, None)]
fn pages_link_to_their_neighbours(
    #[case] query: &str,
    #[case] next: Option<&str>,
    #[case] previous: Option<&str>,
) {
    let got = Api::documented()
        .get(&format!("{STOCKS}?{query}"))
        .status(200)
        .json();
    let link = |query: Option<&str>| match query {
        Some(query) => json!(format!("http://localhost:8000{STOCKS}?{query}")),
        None => Value::Null,
    };
    assert_eq!(got["next"], link(next));
    assert_eq!(got["previous"], link(previous));
}

#[test]
fn the_link_to_the_first_page_needs_no_query() {
    let mut api = Api::of(store("documented"), &[("page-size", "1")]);
    let got = api.get(&format!("{STOCKS}?page=2")).json();
    assert_eq!(got["previous"], format!("http://localhost:8000{STOCKS}"));
}

#[rstest]
#[case("stock=abc", "stock", "Enter a number.")]
#[case("stock__gt=1,5", "stock__gt", "Enter a number.")]
#[case("reserved_stock__lte=NaN", "reserved_stock__lte", "Enter a number.")]
#[case(
    "stock=1e51",
    "stock",
    "Ensure this value is less than or equal to 1e+50."
)]
#[case(
    "created_date__gte=nope",
    "created_date__gte",
    "Enter a valid date/time."
)]
#[case(
    "created_date=2023-05-10T13:37:18+03:00",
    "created_date",
    "Enter a valid date/time."
)]
#[case(
    "period__startswith__gte=x",
    "period__startswith__gte",
    "Enter a valid date/time."
)]
#[case(
    "unit_type=KG",
    "unit_type",
    "Select a valid choice. KG is not one of the available choices."
)]
#[case(
    "stock_type=x",
    "stock_type",
    "Select a valid choice. x is not one of the available choices."
)]
#[case("sku=a%00", "sku", "Null characters are not allowed.")]
fn a_bad_filter_is_refused(#[case] query: &str, #[case] name: &str, #[case] sentence: &str) {
    let got = Api::documented().get(&format!("{STOCKS}?{query}&page=99"));
    let got = got.status(400).body(&field(name, sentence));
    assert_eq!(got.rule(), "search-stocks/invalid-filter; grade=stack");
}

#[test]
fn bad_filters_are_refused_together_in_the_order_of_the_filters() {
    let got = Api::documented().get(&format!(
        "{STOCKS}?stock_type=x&created_date=y&stock=z&stock__gt=w&is_active=maybe"
    ));
    got.status(400).body(
        r#"{"stock__gt":["Enter a number."],"stock":["Enter a number."],"created_date":["Enter a valid date/time."],"stock_type":["Select a valid choice. x is not one of the available choices."]}"#,
    );
}

/// Three stocks are at location 110 with stock 5, a fourth at 112 with stock 7, reserved 2.
#[rstest]
#[case("", 4)]
#[case("sku=555AB1300456213004", 1)]
#[case("sku=%20555AB1300456213004%20", 1)]
#[case("sku=555ab1300456213004", 0)]
#[case("sku=", 4)]
#[case("location=110", 3)]
#[case("location=nowhere", 0)]
#[case("provider=shop_provider", 4)]
#[case("provider=other_provider", 0)]
#[case("location_name=1", 4)]
#[case("location_name=12", 1)]
#[case("provider_name=SHOP", 4)]
#[case("provider_name=nobody", 0)]
#[case("stock=5", 3)]
#[case("stock=5.9", 3)]
#[case("stock__gt=5", 1)]
#[case("stock__gt=5.9", 1)]
#[case("stock__gte=5", 4)]
#[case("stock__lt=7", 3)]
#[case("stock__lt=5", 0)]
#[case("stock__lte=5", 3)]
#[case("stock__lte=1e50", 4)]
#[case("stock=1e50", 0)]
#[case("stock=1&stock=7", 1)]
#[case("reserved_stock=2", 1)]
#[case("reserved_stock__gt=0", 1)]
#[case("reserved_stock__gte=0", 4)]
#[case("reserved_stock__lt=2", 3)]
#[case("reserved_stock__lte=1", 3)]
#[case("created_date=2023-05-10T13:37:18.209869%2B03:00", 1)]
#[case("created_date=2023-05-10T10:37:18.209869Z", 1)]
#[case("created_date__gt=2023-05-10T13:37:18.209869", 3)]
#[case("created_date__gte=2023-05-10T13:37:18.209869", 4)]
#[case("created_date__lt=2023-05-10T13:37:18.209869", 0)]
#[case("created_date__lte=2023-05-10T13:37:18.209869", 1)]
#[case("created_date__gte=2023-05-11", 1)]
#[case("modified_date__lt=2023-05-11", 3)]
#[case("modified_date=2023-05-10T15:15:03.254980", 1)]
#[case("is_active=true", 3)]
#[case("is_active=FALSE", 1)]
#[case("is_active=0", 1)]
#[case("is_active=maybe", 4)]
#[case("is_active=", 4)]
#[case("unit_type=kg", 1)]
#[case("unit_type=qty", 3)]
#[case("stock_type=standard", 3)]
#[case("stock_type=scheduled", 1)]
#[case("period__startswith__gte=2024-01-01", 1)]
#[case("period__startswith__gte=2024-01-02", 0)]
#[case("period__startswith__lte=2024-01-01", 1)]
#[case("period__endswith__gte=2024-02-01", 1)]
#[case("period__endswith__lte=2024-01-31", 0)]
#[case("period=x", 4)]
#[case("stock_gt=5", 4)]
#[case("stock__in=5", 4)]
#[case("sku__exact=x", 4)]
#[case("location=110&stock=5&is_active=true", 3)]
#[case("location=110&stock=7", 0)]
fn filters_find_what_they_say(#[case] query: &str, #[case] count: u64) {
    let mut api = Api::documented();
    let mut fourth = stock("fourth", "112");
    for (name, value) in [
        ("stock", json!(7)),
        ("reserved_stock", json!(2)),
        ("is_active", json!(false)),
        ("unit_type", json!("kg")),
        ("stock_type", json!("scheduled")),
        (
            "period",
            json!({"lower": "2024-01-01T00:00:00+03:00", "upper": "2024-02-01T00:00:00+03:00"}),
        ),
    ] {
        fourth[name] = value;
    }
    api.post(STOCKS, &fourth).status(201);
    let got = api.get(&format!("{STOCKS}?{query}")).status(200).json();
    assert_eq!(got["count"], count);
    assert_eq!(got["results"].as_array().unwrap().len() as u64, count);
}

#[rstest]
#[case("sort=-id", [6, 4, 2])]
#[case("sort=bogus,-id", [6, 4, 2])]
#[case("sort=%20-id%20", [6, 4, 2])]
#[case("sort=id&sort=-id", [6, 4, 2])]
#[case("sort=stock", [2, 4, 6])]
#[case("sort=-stock", [2, 4, 6])]
#[case("sort=-created_date", [6, 4, 2])]
#[case("sort=stock,-sku", [6, 4, 2])]
#[case("sort=-sku", [6, 4, 2])]
#[case("sort=bogus", [2, 4, 6])]
#[case("sort=--id", [2, 4, 6])]
#[case("sort=", [2, 4, 6])]
#[case("ordering=-id", [2, 4, 6])]
fn the_order_is_what_sort_says(#[case] query: &str, #[case] ids: [u64; 3]) {
    let got = Api::documented()
        .get(&format!("{STOCKS}?{query}"))
        .status(200)
        .json();
    let shown: Vec<_> = got["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    assert_eq!(shown, ids);
}

const NOT_AN_INTEGER: &str = "A valid integer is required.";
const NOT_A_STRING: &str = "Not a valid string.";

#[rstest]
#[case("stock", "\"5\"", Ok("5"))]
#[case("stock", "5.0", Ok("5"))]
#[case("stock", "\"5.0\"", Ok("5"))]
#[case("stock", "\" +5 \"", Ok("5"))]
#[case("stock", "\"1_000\"", Ok("1000"))]
#[case("stock", "1e2", Ok("100"))]
#[case("stock", "-3", Ok("-3"))]
#[case("stock", "\"\u{665}\"", Ok("5"))]
#[case("stock", "5.5", Err(NOT_AN_INTEGER))]
#[case("stock", "\"5.5\"", Err(NOT_AN_INTEGER))]
#[case("stock", "true", Err(NOT_AN_INTEGER))]
#[case("stock", "\"\"", Err(NOT_AN_INTEGER))]
#[case("stock", "\"1,000\"", Err(NOT_AN_INTEGER))]
#[case("stock", "[]", Err(NOT_AN_INTEGER))]
#[case("stock", "1e400", Err(NOT_AN_INTEGER))]
#[case("stock", "1e16", Err(NOT_AN_INTEGER))]
#[case("stock", "null", Err("This field may not be null."))]
#[case("stock", "2147483647", Ok("2147483647"))]
#[case(
    "stock",
    "2147483648",
    Err("Ensure this value is less than or equal to 2147483647.")
)]
#[case(
    "stock",
    "-2147483649",
    Err("Ensure this value is greater than or equal to -2147483648.")
)]
#[case(
    "stock",
    "99999999999999999999",
    Err("Ensure this value is less than or equal to 2147483647.")
)]
#[case("sku", "\" a \"", Ok("\"a\""))]
#[case("sku", "5", Ok("\"5\""))]
#[case("sku", "5.5", Ok("\"5.5\""))]
#[case("sku", "\"\"", Err("This field may not be blank."))]
#[case("sku", "\"  \"", Err("This field may not be blank."))]
#[case("sku", "null", Err("This field may not be null."))]
#[case("sku", "true", Err(NOT_A_STRING))]
#[case("sku", "[]", Err(NOT_A_STRING))]
#[case("sku", "{}", Err(NOT_A_STRING))]
#[case("sku", "\"a\\u0000\"", Err("Null characters are not allowed."))]
#[case(
    "sku",
    "\"\\ud800\"",
    Err("Surrogate characters are not allowed: U+D800.")
)]
#[case("is_active", "\"no\"", Ok("false"))]
#[case("is_active", "\"T\"", Ok("true"))]
#[case("is_active", "0.0", Ok("false"))]
#[case("is_active", "2", Err("Must be a valid boolean."))]
#[case("is_active", "\"maybe\"", Err("Must be a valid boolean."))]
#[case("is_active", "\" true \"", Err("Must be a valid boolean."))]
#[case("is_active", "null", Err("This field may not be null."))]
#[case("stock_type", "\"scheduled\"", Ok("\"scheduled\""))]
#[case("stock_type", "\"bogus\"", Err("\"bogus\" is not a valid choice."))]
#[case("stock_type", "\"\"", Err("\"\" is not a valid choice."))]
#[case("stock_type", "true", Err("\"True\" is not a valid choice."))]
#[case("stock_type", "null", Err("This field may not be null."))]
#[case("location", "112", Ok("\"112\""))]
#[case("location", "\"\"", Err("This field may not be null."))]
#[case("location", "\"a\\u0000\"", Err("Invalid value."))]
#[case("period", "null", Ok("null"))]
#[case("period", "{}", Ok(r#"{"lower":null,"upper":null,"bounds":"[)"}"#))]
#[case(
    "period",
    r#"{"lower":"2024-01-01","bounds":"[]"}"#,
    Ok(r#"{"lower":"2024-01-01T00:00:00+03:00","upper":null,"bounds":"[]"}"#)
)]
#[case("period", r#"{"empty":true}"#, Ok(r#"{"empty":true}"#))]
#[case(
    "period",
    "\"x\"",
    Err("Expected a dictionary of items but got type \"str\".")
)]
#[case("period", r#"{"lower":null}"#, Err("This field may not be null."))]
#[case("period", r#"{"foo":1}"#, Err("Extra content not allowed \"foo\"."))]
#[case(
    "period",
    r#"{"lower":"2024-01-02","upper":"2024-01-01"}"#,
    Err("The start of the range must not exceed the end of the range.")
)]
fn a_field_is_read_as_the_stack_reads_it(
    #[case] name: &str,
    #[case] given: &str,
    #[case] shown: Result<&str, &str>,
) {
    let others = stock("new", "112");
    let others = others
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| *key != name);
    let members: Vec<_> = others
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    let body = format!("{{{},\"{name}\":{given}}}", members.join(","));
    let json = [("content-type", "application/json")];
    let got = Api::documented().send(&request("POST", STOCKS, &json, &body));
    match shown {
        Ok(shown) => assert_eq!(got.status(201).json()[name].to_string(), shown),
        Err(sentence) => {
            got.status(400).body(&field(name, sentence));
        }
    }
}

#[test]
fn a_range_shows_as_sent_and_is_kept_as_the_database_keeps_it() {
    let mut api = Api::documented();
    let mut open = stock("open", "112");
    open["period"] = json!({"upper": "2024-01-01T00:00:00+03:00"});
    let sent = api.post(STOCKS, &open).status(201).json()["period"].clone();
    assert_eq!(sent["bounds"], "[)");
    let mut point = stock("point", "112");
    point["period"] = json!({"lower": "2024-01-01", "upper": "2024-01-01"});
    api.post(STOCKS, &point).status(201);
    let mut kept =
        |sku: &str| api.get(&format!("{STOCKS}?sku={sku}")).json()["results"][0]["period"].clone();
    assert_eq!(kept("open")["bounds"], "()");
    assert_eq!(kept("point"), json!({"empty": true}));
}

#[test]
fn errors_come_at_once_in_the_order_of_the_fields() {
    let body = json!({"reserved_stock": "x", "sku": "", "location": "", "is_active": "x",
        "unit_type": "x", "stock_type": "x", "period": 1, "id": 99, "unheard_of": 1});
    let got = Api::documented().post(STOCKS, &body).status(400);
    assert_eq!(got.rule(), "create-stock/invalid-fields; grade=stack");
    got.body(
        r#"{"period":["Expected a dictionary of items but got type \"int\"."],"stock_type":["\"x\" is not a valid choice."],"unit_type":["\"x\" is not a valid choice."],"provider":["This field is required."],"location":["This field may not be null."],"stock":["This field is required."],"is_active":["Must be a valid boolean."],"sku":["This field may not be blank."],"reserved_stock":["A valid integer is required."]}"#,
    );
}

#[test]
fn of_equal_keys_the_last_counts() {
    let body = r#"{"provider":"shop_provider","location":"112","sku":"a","stock":1,"sku":"b"}"#;
    let json = [("content-type", "application/json")];
    let got = Api::documented()
        .send(&request("POST", STOCKS, &json, body))
        .status(201);
    assert_eq!(got.json()["sku"], "b");
}

#[rstest]
#[case("provider=shop_provider&location=112&stock=5&sku=f", json!(false))]
#[case("provider=shop_provider&location=112&stock=5&sku=f&is_active=", json!(true))]
#[case("provider=shop_provider&location=112&stock=5&sku=f&is_active=on", json!(true))]
#[case("provider=x&provider=shop_provider&location=112&stock=5&sku=f&stock_type=", json!(false))]
fn a_form_is_a_body_too(#[case] form: &str, #[case] is_active: Value) {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let got = Api::documented()
        .send(&request("POST", STOCKS, &headers, form))
        .status(201)
        .json();
    assert_eq!(got["is_active"], is_active);
    assert_eq!(got["stock"], 5);
}

#[test]
fn a_multipart_body_is_a_form() {
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = [
        ("provider", "shop_provider"),
        ("location", "112"),
        ("stock", "5"),
        ("sku", "m"),
    ]
    .map(|(name, value)| part(name, value))
    .concat()
        + "--b--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let got = Api::documented()
        .send(&request("POST", STOCKS, &headers, &body))
        .status(201);
    assert_eq!(got.json()["sku"], "m");
    let headers = [("content-type", "multipart/form-data")];
    Api::documented()
        .send(&request("POST", STOCKS, &headers, &body))
        .status(400)
        .body(&detail(
            "Multipart form parse error - Invalid boundary in multipart: None",
        ));
}

#[test]
fn rows_of_an_upsert_are_refused_in_a_list_beside_them() {
    let mut api = Api::documented();
    let before = api.dump();
    let body = json!([stock("a", "112"), {"sku": "b"}, 5, null, stock("c", "900")]);
    api.post(UPSERT, &body).status(400).body(
        r#"[{},{"provider":["This field is required."],"location":["This field is required."],"stock":["This field is required."]},{"non_field_errors":["Invalid data. Expected a dictionary, but got int."]},["This field may not be null."],{}]"#,
    );
    // Places are checked only if every field is valid.
    let body = json!([stock("a", "112"), stock("c", "900")]);
    api.post(UPSERT, &body)
        .status(400)
        .body(r#"[{},{"invalid_location":"Location does not belong to provider."}]"#);
    api.post(UPSERT, &stock("c", "900"))
        .status(400)
        .body(r#"{"invalid_location":"Location does not belong to provider."}"#);
    assert_eq!(api.dump(), before);
}

#[test]
fn an_upsert_sets_what_it_names_and_leaves_the_rest_alone() {
    let mut api = Api::documented();
    api.post(INCREASE, &json!({"sku": SKU, "location": 110}))
        .status(201);
    let found =
        |api: &mut Api| api.get(&format!("{STOCKS}?sku={SKU}")).json()["results"][0].clone();
    let before = found(&mut api);
    let row = json!({"provider": "shop_provider", "location": "110", "stock": 9, "sku": SKU});
    api.post(UPSERT, &row)
        .status(200)
        .body(r#"{"Store_checkResult":{}}"#);
    let mut expected = before.clone();
    let after = found(&mut api);
    expected["stock"] = json!(9);
    expected["modified_date"] = after["modified_date"].clone();
    assert_eq!(after, expected);
    assert_ne!(after["modified_date"], before["modified_date"]);
    // Of two equal rows the last one wins.
    let rows = json!([stock("twice", "112"), {"provider": "shop_provider", "location": "112", "stock": 8, "sku": "twice"}]);
    api.post(UPSERT, &rows).status(200);
    let twice = api.get(&format!("{STOCKS}?sku=twice")).json();
    assert_eq!(
        (&twice["count"], &twice["results"][0]["stock"]),
        (&json!(1), &json!(8))
    );
    api.post(UPSERT, &json!([]))
        .status(200)
        .body(r#"{"Store_checkResult":{}}"#);
}

#[test]
fn a_refused_create_says_why_and_only_after_every_field_is_valid() {
    let mut api = Api::documented();
    let before = api.dump();
    api.post(STOCKS, &stock(SKU, "110"))
        .status(400)
        .body(r#"{"stock_exists_error":"Stock already exists."}"#);
    api.post(STOCKS, &stock("new", "900"))
        .status(400)
        .body(r#"{"invalid_location":"Location does not belong to provider."}"#);
    let mut bad = stock("new", "900");
    bad["stock"] = "x".into();
    api.post(STOCKS, &bad)
        .status(400)
        .body(&field("stock", NOT_AN_INTEGER));
    assert_eq!(api.dump(), before);
}

#[test]
fn reservations_go_up_and_down_by_one_and_move_the_date() {
    let mut api = Api::documented();
    let body = json!({"sku": SKU, "location": "110"});
    let mut last = String::new();
    for (path, reserved) in [(INCREASE, 1), (INCREASE, 2), (DECREASE, 1), (DECREASE, 0)] {
        let got = api.post(path, &body).status(201).json();
        assert_eq!(got["reserved_stock"], reserved);
        assert_eq!(got["stock"], 5);
        let modified = got["modified_date"].as_str().unwrap().to_owned();
        assert!(modified > last);
        last = modified;
    }
    api.post(INCREASE, &json!({}))
        .status(400)
        .body(r#"{"sku":["This field is required."],"location":["This field is required."]}"#);
}

#[rstest]
#[case(json!({"sku": "500"}), r#"{"sku":["Expected a list of items but got type \"str\"."]}"#)]
#[case(json!({"sku": ["a", "", true]}), r#"{"sku":{"1":["This field may not be blank."],"2":["Not a valid string."]}}"#)]
#[case(json!({}), r#"{"sku":["This field is required."]}"#)]
fn a_multi_query_takes_a_list(#[case] body: Value, #[case] answer: &str) {
    let json = [("content-type", "application/json")];
    let asked = request("GET", MULTI_QUERY, &json, &body.to_string());
    Api::documented().send(&asked).status(400).body(answer);
}

#[test]
fn too_many_fields_get_the_stacks_page() {
    let query = "a&".repeat(1001);
    let got = Api::documented()
        .get(&format!("{STOCKS}?{query}"))
        .status(400);
    assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
}

#[test]
fn places_are_listed_shown_and_created() {
    let mut api = Api::documented();
    insta::assert_snapshot!(api.get("/api/v1/providers/?limit=1").status(200).text(), @r#"{"count":2,"next":"http://localhost:8000/api/v1/providers/?limit=1&page=2","previous":null,"results":[{"id":1,"created_date":"2023-05-10T09:00:00+03:00","modified_date":"2023-05-10T09:00:00+03:00","is_active":true,"name":"shop_provider","code":"shop_provider","should_add_reservations":true}]}"#);
    insta::assert_snapshot!(api.get("/api/v1/stock-locations/7/").status(200).text(), @r#"{"id":7,"created_date":"2023-05-10T09:00:00+03:00","modified_date":"2023-05-10T09:00:00+03:00","is_active":true,"name":"900","code":"900","provider":2}"#);
    insta::assert_snapshot!(api.post("/api/v1/stock-lists/", &json!({"name": "n", "code": "c"})).status(201).text(), @r#"{"id":2,"created_date":"2023-06-01T12:00:00+03:00","modified_date":"2023-06-01T12:00:01+03:00","is_active":true,"code":"c","name":"n","remote_id":null,"stock_list_rule":null}"#);
    insta::assert_snapshot!(api.post("/api/v1/providers/", &json!({"name": "shop_provider", "code": "shop_provider"})).status(400).text(), @r#"{"name":["provider with this name already exists."],"code":["provider with this code already exists."]}"#);
    insta::assert_snapshot!(api.post("/api/v1/stock-locations/", &json!({"name": "n", "code": "110", "provider": 9})).status(400).text(), @r#"{"code":["stock location with this code already exists."],"provider":["Invalid pk \"9\" - object does not exist."]}"#);
}

#[test]
fn options_describe_a_path() {
    let mut api = Api::documented();
    let got = api.send(&request("OPTIONS", INCREASE, &[], "")).status(200);
    assert_eq!(got.header("allow"), "POST, OPTIONS");
    let metadata = got.json();
    let keys: Vec<_> = metadata.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys,
        [
            "name",
            "description",
            "renders",
            "parses",
            "actions",
            "filters"
        ]
    );
    insta::assert_snapshot!(api.send(&request("OPTIONS", "/api/v1/providers/1/", &[], "")).text(), @r#"{"name":"Provider Instance","description":"","renders":["application/json"],"parses":["application/json","application/x-www-form-urlencoded","multipart/form-data"]}"#);
    let whole = api.send(&request("OPTIONS", STOCKS, &[], "")).json();
    insta::assert_snapshot!(
        "options-of-stocks",
        serde_json::to_string_pretty(&whole).unwrap()
    );
}

#[test]
fn every_answer_carries_the_stock_middlewares_headers() {
    let got = Api::documented().get(STOCKS).status(200);
    assert_eq!(got.header("x-frame-options"), "DENY");
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert_eq!(got.header("referrer-policy"), "same-origin");
    assert_eq!(got.header("cross-origin-opener-policy"), "same-origin");
}
