//! Statuses that differ from the contract's.

use super::effect::Effect::{Refused, Status};
use super::effect::{Defect, defect};
use super::operations::{
    ACTIVE, ANY, CREATE, DECREASE, INCREASE, LIST, LOGIN, NEW_PLACES, PAGES, QUERIES, SHOWN_PLACES,
    UPSERT,
};

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("create-answers-200", CREATE, Status(201, 200), "A create answers 200 in place of 201."),
    defect("create-answers-202", CREATE, Status(201, 202), "A create answers 202 in place of 201."),
    defect("create-refuses-with-422", CREATE, Status(400, 422), "A create is refused with 422 in place of 400."),
    defect("create-refuses-with-200", CREATE, Status(400, 200), "A create is refused with 200 and the errors in the body."),
    defect("create-refuses-with-500", CREATE, Status(400, 500), "A create is refused with 500 in place of 400."),
    defect("create-exists-answers-409", CREATE, Refused("stock_exists_error", 409), "A stock that exists is refused with 409 in place of 400."),
    defect("create-location-answers-404", CREATE, Refused("invalid_location", 404), "A location of another provider is refused with 404 in place of 400."),
    defect("increase-answers-200", INCREASE, Status(201, 200), "An increase answers 200 in place of 201."),
    defect("increase-refuses-with-422", INCREASE, Status(400, 422), "An increase is refused with 422 in place of 400."),
    defect("increase-reported-answers-200", INCREASE, Status(208, 200), "A reported increase answers 200 in place of 208."),
    defect("increase-reported-answers-409", INCREASE, Status(208, 409), "A reported increase answers 409 in place of 208."),
    defect("decrease-answers-200", DECREASE, Status(201, 200), "A decrease answers 200 in place of 201."),
    defect("decrease-refuses-with-404", DECREASE, Status(400, 404), "A decrease is refused with 404 in place of 400."),
    defect("decrease-reported-answers-201", DECREASE, Status(208, 201), "A reported decrease answers 201 in place of 208."),
    defect("decrease-reported-answers-400", DECREASE, Status(208, 400), "A reported decrease answers 400 in place of 208."),
    defect("list-answers-206", LIST, Status(200, 206), "A page of stocks answers 206 in place of 200."),
    defect("list-filter-refuses-with-500", LIST, Status(400, 500), "A filter that cannot be read is refused with 500 in place of 400."),
    defect("page-beyond-the-end-answers-400", PAGES, Status(404, 400), "A page beyond the last is refused with 400 in place of 404."),
    defect("query-answers-201", QUERIES, Status(200, 201), "A stock query answers 201 in place of 200."),
    defect("query-refuses-with-404", QUERIES, Status(400, 404), "A stock query without a SKU is refused with 404 in place of 400."),
    defect("upsert-answers-201", UPSERT, Status(200, 201), "An upsert answers 201 in place of 200."),
    defect("upsert-refuses-with-207", UPSERT, Status(400, 207), "An upsert is refused with 207 in place of 400."),
    defect("active-answers-201", ACTIVE, Status(200, 201), "The active stocks answer 201, being asked for by POST, in place of 200."),
    defect("login-answers-201", LOGIN, Status(200, 201), "A login answers 201 in place of 200."),
    defect("login-refuses-with-401", LOGIN, Status(400, 401), "A login is refused with 401 in place of 400."),
    defect("place-create-answers-200", NEW_PLACES, Status(201, 200), "A place that is created answers 200 in place of 201."),
    defect("missing-place-answers-400", SHOWN_PLACES, Status(404, 400), "A place that does not exist is refused with 400 in place of 404."),
    defect("unauthorized-answers-403", ANY, Status(401, 403), "A request without a token is refused with 403 in place of 401."),
    defect("method-not-allowed-answers-404", ANY, Status(405, 404), "A method that a path does not take is refused with 404 in place of 405."),
    defect("unsupported-type-answers-400", ANY, Status(415, 400), "A body of a type that is not taken is refused with 400 in place of 415."),
    defect("not-acceptable-answers-415", ANY, Status(406, 415), "An Accept that cannot be met is refused with 415 in place of 406."),
    defect("slash-redirects-with-302", ANY, Status(301, 302), "A path without its slash is redirected by 302 in place of 301."),
];
