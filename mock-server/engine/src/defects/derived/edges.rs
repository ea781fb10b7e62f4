//! Values at the edge of a type, on which a service fails; and concurrent requests.

use serde_json::Value;

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::question::Question;
use super::super::scene::{Scene, set_body, status};
use super::Derived;
use super::statement::{ANSWERED, CREATE, RESERVE, UPSERT};
use crate::operations;
use crate::query::FILTERS;

/// An edge: the word for it, and a test for the texts beyond it.
type Edge = (&'static str, fn(&str) -> bool);

const NUMBERS: &[Edge] = &[
    ("beyond-64-bits", |text| {
        whole(text).is_some_and(|n| n.abs() > 9_223_372_036_854_775_807)
    }),
    ("beyond-32-bits", |text| {
        whole(text).is_some_and(|n| n.abs() > 2_147_483_648)
    }),
    ("below-32-bits", |text| {
        whole(text).is_some_and(|n| n < -2_147_483_648)
    }),
    ("fraction", |text| text.contains('.')),
    ("exponent", |text| {
        text.to_ascii_lowercase().contains('e') && text.parse::<f64>().is_ok()
    }),
    ("blank", |text| text.trim().is_empty()),
    ("word", |text| {
        !text.is_empty() && text.chars().all(char::is_alphabetic)
    }),
];

const MOMENTS: &[Edge] = &[
    ("end-of-the-calendar", |text| text.starts_with("9999-12-31")),
    ("year-1", |text| text.starts_with("0001-01-01")),
    ("day-alone", |text| text.len() == 10),
    ("without-offset", |text| text.len() == 19),
    ("blank", |text| text.trim().is_empty()),
    ("word", |text| {
        !text.is_empty() && text.chars().all(char::is_alphabetic)
    }),
];

const TEXTS: &[Edge] = &[
    ("nul", |text| text.contains('\0')),
    ("longer-than-64", |text| text.chars().count() > 64),
    ("longer-than-1000", |text| text.chars().count() > 1_000),
    ("other-letters", |text| !text.is_ascii()),
    ("quote", |text| text.contains('\'')),
    ("percent", |text| text.contains('%')),
    ("backslash", |text| text.contains('\\')),
    ("blank", |text| text.trim().is_empty()),
];

const PAGES: &[Edge] = &[
    ("beyond-64-bits", |text| {
        whole(text).is_some_and(|n| n.abs() > 9_223_372_036_854_775_807)
    }),
    ("zero", |text| text == "0"),
    ("negative", |text| text.starts_with('-')),
    ("word", |text| {
        !text.is_empty() && text.chars().all(char::is_alphabetic) && text != "last"
    }),
    ("blank", |text| text.is_empty()),
];

fn whole(text: &str) -> Option<i128> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        #[allow(clippy::cast_possible_truncation)] // The largest number is large enough.
        text.parse::<f64>()
            .ok()
            .filter(|n| n.abs() > 1e9)
            .map(|n| n as i128)
    })
}

struct Stumbles {
    name: &'static str,
    is_beyond: fn(&str) -> bool,
}

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    let mut push = |operation: &'static str, name: &'static str, edges: &'static [Edge]| {
        for &(word, is_beyond) in edges {
            let about = format!(
                "{operation} answers 500 to `{name}`: {}.",
                word.replace('-', " ")
            );
            let effect = Stumbles { name, is_beyond };
            let way = format!("{word}-is-a-server-error");
            rows.push(Derived::new(
                &[operation],
                (format!("edge/{name}"), way),
                &ANSWERED,
                about,
                effect,
            ));
        }
    };
    for field in FILTERS {
        for edges in [edges_of(field.name)] {
            match field.name {
                "period" => {
                    for name in ["period__startswith__gte", "period__endswith__lte"] {
                        push("list-stocks", name, edges);
                    }
                }
                name => push("list-stocks", name, edges),
            }
        }
    }
    for name in [
        "stock__gt",
        "stock__lte",
        "reserved_stock__gte",
        "created_date__lt",
        "modified_date__gte",
    ] {
        push("list-stocks", name, edges_of(name));
    }
    for operation in ["list-stocks", "list-active-stocks"] {
        for name in ["page", "limit"] {
            push(operation, name, PAGES);
        }
    }
    push("list-stocks", "sort", &TEXTS[..1]);
    for operation in operations::documented() {
        for name in operation.arguments {
            let edges = edges_of(name);
            push(operation.id, name, edges);
        }
    }
    for (operation, statement) in [
        ("create-stock", &CREATE),
        ("upsert-stocks", &UPSERT),
        ("increase-reserved-stock", &RESERVE),
        ("decrease-reserved-stock", &RESERVE),
    ] {
        for (second, word) in [
            (AtOnce::Error, "is-a-server-error"),
            (AtOnce::Lost, "is-lost"),
        ] {
            let about = format!(
                "Of two requests of {operation} at once the second {}.",
                word.replace('-', " ")
            );
            rows.push(Derived::new(
                &[operation],
                ("at-once", word),
                statement,
                about,
                second,
            ));
        }
    }
    rows
}

fn edges_of(name: &str) -> &'static [Edge] {
    match name {
        name if name.contains("date") || name == "period" => MOMENTS,
        name if name.starts_with("stock_type") || name == "unit_type" || name == "is_active" => {
            &TEXTS[7..]
        }
        name if name.starts_with("stock") || name.starts_with("reserved_stock") => NUMBERS,
        _ => TEXTS,
    }
}

impl Way for Stumbles {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let question = Question::of(scene.request, scene.service);
        let is_beyond = |value: &Value| match value {
            Value::String(text) => (self.is_beyond)(text),
            Value::Number(number) => (self.is_beyond)(&number.to_string()),
            Value::Array(items) => items
                .iter()
                .any(|item| item.as_str().is_some_and(self.is_beyond)),
            _ => false,
        };
        let in_body = match &question.body {
            Value::Array(rows) => rows
                .iter()
                .filter_map(|row| row.get(self.name))
                .any(is_beyond),
            body => body.get(self.name).is_some_and(is_beyond),
        };
        let in_query = question
            .query
            .iter()
            .any(|(name, value)| name == self.name && (self.is_beyond)(value));
        if !in_body && !in_query {
            return scene.usual();
        }
        // Without a token a request does not get this far.
        let delivery = scene.usual();
        scene.edit(delivery, |reply| {
            if ![401, 406].contains(&reply.response.status().as_u16()) {
                *reply.response.status_mut() = status(500);
                set_body(reply, "<h1>Server Error (500)</h1><p></p>");
            }
        })
    }
}

/// The wrong answers to the second of two concurrent requests about one stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtOnce {
    Error,
    Lost,
}

impl Way for AtOnce {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let second = match self {
            Self::Error => |_: &Scene<'_>, first: &crate::engine::Reply| {
                let mut reply = first.clone();
                *reply.response.status_mut() = status(500);
                set_body(&mut reply, "<h1>Server Error (500)</h1><p></p>");
                Delivery::Answer(reply)
            },
            Self::Lost => {
                |_: &Scene<'_>, first: &crate::engine::Reply| Delivery::Answer(first.clone())
            }
        };
        super::super::pairing::overlapped(scene, second)
    }
}
