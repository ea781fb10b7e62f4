//! The engine in process, with requests as a client sends them.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use whippy_engine::clock::{ClockMode, ServiceClock};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::engine::{Engine, RULE_HEADER};
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_engine::store::Store;

pub(crate) use crate::requests::*;

/// An engine with a fixed clock whose tick is a second.
pub(crate) struct Api {
    pub(crate) engine: Engine,
    clock: ServiceClock,
}

/// An answer, with assertions.
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
    asked: String,
}

impl Api {
    pub(crate) fn documented() -> Self {
        Self::of(store("documented"), &[])
    }

    pub(crate) fn of(store: Store, readings: &[(&str, &str)]) -> Self {
        Self::at(store, readings, "2023-06-01T12:00:00+03:00,tick=1000000")
    }

    pub(crate) fn at(store: Store, readings: &[(&str, &str)], clock: &str) -> Self {
        let mut settings = Settings::default();
        for (id, choice) in readings {
            settings.profile.set(id, choice).unwrap();
        }
        Self {
            engine: Engine::new(settings, store),
            clock: ServiceClock::new(ClockMode::parse(clock, UtcOffset::PAGE).unwrap()),
        }
    }

    pub(crate) fn send(&mut self, request: &Request<Bytes>) -> Got {
        let now = self.clock.now(Timestamp::EPOCH);
        let reply = self.engine.handle(request, now);
        self.clock.was_read(now, reply.clock_reads);
        let (head, body) = reply.response.into_parts();
        let sent = String::from_utf8_lossy(request.body()).into_owned();
        Got {
            status: head.status,
            headers: head.headers,
            body,
            asked: format!("{} {} {sent}", request.method(), request.uri()),
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> Got {
        self.send(&request("GET", path, &[], ""))
    }

    /// Sends a JSON body with its type.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Got {
        let json = [("content-type", "application/json")];
        self.send(&request("POST", path, &json, &body.to_string()))
    }

    /// Sends a body without a type, as the page's snippets do.
    pub(crate) fn post_bare(&mut self, path: &str, body: &Value) -> Got {
        self.send(&request("POST", path, &[], &body.to_string()))
    }

    pub(crate) fn dump(&self) -> Value {
        serde_json::from_slice(&self.engine.store().dump().to_json()).unwrap()
    }
}

impl Got {
    #[track_caller]
    pub(crate) fn status(self, expected: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            expected,
            "{}: {}",
            self.asked,
            self.text()
        );
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|why| panic!("{}: {why}: {}", self.asked, self.text()))
    }

    #[track_caller]
    pub(crate) fn body(self, expected: &str) -> Self {
        assert_eq!(self.text(), expected, "{}", self.asked);
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("{}: no header {name}", self.asked))
            .to_str()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn rule(&self) -> &str {
        self.header(RULE_HEADER.as_str())
    }
}

/// The body of a create at a location.
pub(crate) fn stock(sku: &str, location: &str) -> Value {
    json!({"provider": "shop_provider", "location": location, "stock": 5, "sku": sku})
}

/// The arguments of a reservation of the documented SKU.
pub(crate) fn reservation() -> Value {
    json!({"sku": SKU, "location": "110"})
}
