//! Answers that never arrive or arrive incomplete, and answers that fail now and then.

use http::HeaderValue;
use http::header::{CONTENT_TYPE, RETRY_AFTER};

use super::delivery::Delivery;
use super::effect::Effect::{Every, Head, Take};
use super::effect::{Defect, defect};
use super::operations::{ANY, CREATE, DECREASE, INCREASE, LIST, LOGIN, QUERIES, UPSERT};
use super::scene::{Scene, set_body, status};
use crate::problem::Problem;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("list-never-answers", LIST, Take(|_| Delivery::Hang), "The list of stocks never answers."),
    defect("increase-never-answers", INCREASE, Take(|s| once_done(s, |_| Delivery::Hang)), "An increase counts and never answers."),
    defect("upsert-never-answers-at-times", UPSERT, Every(3, &Take(|s| once_done(s, |_| Delivery::Hang))), "Every third upsert writes and never answers."),
    defect("create-is-reset", CREATE, Take(|s| once_done(s, |_| Delivery::Reset)), "A create writes and closes the connection without an answer."),
    defect("decrease-is-reset", DECREASE, Take(|_| Delivery::Reset), "A decrease closes the connection without an answer, and counts nothing."),
    defect("list-is-reset-at-times", LIST, Every(3, &Take(|_| Delivery::Reset)), "Every third list closes the connection without an answer."),
    defect("list-breaks-off", LIST, Take(|s| once_done(s, |delivery| match delivery { Delivery::Answer(reply) => Delivery::Truncated(reply), other => other })), "The list of stocks breaks off in the middle of its body."),
    defect("query-breaks-off", QUERIES, Take(|s| once_done(s, |delivery| match delivery { Delivery::Answer(reply) => Delivery::Truncated(reply), other => other })), "A stock query breaks off in the middle of its body."),
    defect("login-never-answers", LOGIN, Take(|_| Delivery::Hang), "A login never answers."),
    defect("answers-500-at-times", ANY, Every(7, &Take(|s| s.refuse(&Problem::ServerError))), "Every seventh request of an operation answers 500, and is not carried out."),
    defect("answers-500-once-done", ANY, Every(7, &Take(|s| once_done(s, |_| s.refuse(&Problem::ServerError)))), "Every seventh request of an operation is carried out and answers 500."),
    defect("increase-counts-and-answers-500", INCREASE, Every(2, &Take(|s| once_done(s, |_| s.refuse(&Problem::ServerError)))), "Every second increase counts and answers 500."),
    defect("answers-503-at-times", ANY, Every(5, &Take(busy)), "Every fifth request of an operation answers 503, with `Retry-After`."),
    defect("answers-a-page-at-times", ANY, Every(4, &Take(gateway)), "Every fourth request of an operation answers 502 with the page of a gateway."),
    defect("answers-come-from-a-portal", ANY, Every(6, &Head(portal)), "Every sixth answer of an operation is another's page, with 200."),
];

/// Executes the request, and then replaces its answer.
fn once_done(scene: &Scene<'_>, answer: impl FnOnce(Delivery) -> Delivery) -> Delivery {
    let delivery = scene.usual();
    scene.mark();
    answer(delivery)
}

fn busy(scene: &Scene<'_>) -> Delivery {
    scene.edit(scene.refuse(&Problem::ServerError), |reply| {
        *reply.response.status_mut() = status(503);
        let headers = reply.response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        set_body(reply, "");
    })
}

fn gateway(scene: &Scene<'_>) -> Delivery {
    scene.edit(scene.refuse(&Problem::ServerError), |reply| {
        *reply.response.status_mut() = status(502);
        set_body(reply, "<html><h1>502 Bad Gateway</h1></html>");
    })
}

fn portal(response: &mut http::Response<bytes::Bytes>) {
    *response.status_mut() = status(200);
    let html = HeaderValue::from_static("text/html");
    response.headers_mut().insert(CONTENT_TYPE, html);
    *response.body_mut() = "<html><h1>Welcome</h1></html>".into();
}
