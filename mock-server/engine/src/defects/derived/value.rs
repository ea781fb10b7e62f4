//! Ways in which a shown value is wrong.

use serde_json::{Value, json};

use super::super::edit::{Object, rename};
use crate::members::Kind;
use crate::model::time::{Timestamp, UtcOffset};

/// The ways to change one member of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Absent,
    Null,
    Quoted,
    Listed,
    Empty,
    OtherType,
    Renamed,
    Capitals,
    Small,
    Longer,
    Shorter,
    WithoutZeros,
    AsciiOnly,
    Plus(i64),
    Times(i64),
    Zero,
    Absolute,
    AtMost(i64),
    Inverted,
    CutTo(i64),
    Shifted(i64),
    UtcDigits,
    Constant,
    Other,
}

impl Change {
    /// The word for the change in a defect's name.
    pub(super) fn word(self) -> String {
        match self {
            Self::Absent => "absent".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Quoted => "text".to_owned(),
            Self::Listed => "list".to_owned(),
            Self::Empty => "empty".to_owned(),
            Self::OtherType => "other-type".to_owned(),
            Self::Renamed => "renamed".to_owned(),
            Self::Capitals => "capitals".to_owned(),
            Self::Small => "small-letters".to_owned(),
            Self::Longer => "longer".to_owned(),
            Self::Shorter => "shorter".to_owned(),
            Self::WithoutZeros => "without-zeros".to_owned(),
            Self::AsciiOnly => "ascii-only".to_owned(),
            Self::Plus(by) if by < 0 => format!("minus-{}", -by),
            Self::Plus(by) => format!("plus-{by}"),
            Self::Times(by) if by < 0 => "negated".to_owned(),
            Self::Times(by) => format!("times-{by}"),
            Self::Zero => "zero".to_owned(),
            Self::Absolute => "absolute".to_owned(),
            Self::AtMost(most) => format!("at-most-{most}"),
            Self::Inverted => "inverted".to_owned(),
            Self::CutTo(micros) => format!("cut-to-{}", unit(micros)),
            Self::Shifted(hours) => format!("shifted-by-{hours}-hours"),
            Self::UtcDigits => "local-time-as-utc".to_owned(),
            Self::Constant => "constant".to_owned(),
            Self::Other => "other-choice".to_owned(),
        }
    }

    /// The changes that apply to a kind of value.
    pub(super) fn of(kind: Kind) -> Vec<Self> {
        let mut ways = vec![
            Self::Absent,
            Self::Null,
            Self::Listed,
            Self::Renamed,
            Self::OtherType,
        ];
        match kind {
            Kind::Id => ways.extend([Self::Quoted, Self::Plus(1), Self::Plus(-1), Self::Constant]),
            Kind::Number => ways.extend([
                Self::Quoted,
                Self::Plus(1),
                Self::Plus(-1),
                Self::Times(-1),
                Self::Times(2),
                Self::Zero,
                Self::Absolute,
                Self::AtMost(99),
            ]),
            Kind::Text => ways.extend([
                Self::Empty,
                Self::Capitals,
                Self::Small,
                Self::Longer,
                Self::Shorter,
                Self::WithoutZeros,
                Self::AsciiOnly,
            ]),
            Kind::Choice(_) => ways.extend([
                Self::Empty,
                Self::Capitals,
                Self::Longer,
                Self::Other,
                Self::Constant,
            ]),
            Kind::Flag => ways.extend([Self::Quoted, Self::Inverted, Self::Constant]),
            Kind::Moment => ways.extend([
                Self::Empty,
                Self::CutTo(1_000),
                Self::CutTo(1_000_000),
                Self::CutTo(60_000_000),
                Self::CutTo(86_400_000_000),
                Self::Shifted(3),
                Self::Shifted(-3),
                Self::UtcDigits,
                Self::Constant,
            ]),
            // A period is null in most stocks, so null makes no difference.
            Kind::Period => {
                ways.retain(|way| !matches!(way, Self::Null));
                ways.extend([Self::Quoted, Self::Empty]);
            }
        }
        ways
    }

    /// Changes a member, if the object has it.
    pub(super) fn apply(self, object: &mut Object, name: &str) {
        match self {
            Self::Absent => {
                object.shift_remove(name);
            }
            Self::Renamed => rename(object, name, &camel(name)),
            _ => {
                if let Some(value) = object.get_mut(name) {
                    *value = self.value(value);
                }
            }
        }
    }

    /// The changed value.
    pub(super) fn value(self, value: &Value) -> Value {
        match self {
            Self::Absent | Self::Null => Value::Null,
            Self::Quoted => match value {
                Value::String(_) => value.clone(),
                other => other.to_string().into(),
            },
            Self::Listed => json!([value]),
            Self::Empty => json!(""),
            Self::OtherType => match value {
                Value::String(_) => json!(0),
                Value::Null => json!(false),
                Value::Bool(flag) => json!(i32::from(*flag)),
                Value::Number(_) => json!(true),
                Value::Array(_) => json!({}),
                Value::Object(_) => json!([]),
            },
            Self::Constant => constant(value),
            Self::Inverted => value.as_bool().map_or(value.clone(), |flag| (!flag).into()),
            _ => match value {
                Value::String(text) => self.text(text).into(),
                Value::Number(_) => value
                    .as_i64()
                    .map_or(value.clone(), |number| self.number(number).into()),
                other => other.clone(),
            },
        }
    }

    pub(super) fn number(self, number: i64) -> i64 {
        match self {
            Self::Plus(by) => number + by,
            Self::Times(by) => number * by,
            Self::Zero => 0,
            Self::Absolute => number.abs(),
            Self::AtMost(most) => number.min(most),
            _ => number,
        }
    }

    pub(super) fn text(self, text: &str) -> String {
        match self {
            Self::Capitals => text.to_uppercase(),
            Self::Small => text.to_lowercase(),
            Self::Longer => format!("{text}_"),
            Self::Shorter => {
                let mut letters = text.chars();
                letters.next_back();
                letters.as_str().to_owned()
            }
            Self::WithoutZeros => text.trim_start_matches('0').to_owned(),
            Self::AsciiOnly => text.chars().filter(char::is_ascii).collect(),
            Self::Other => other_choice(text).to_owned(),
            Self::CutTo(_) | Self::Shifted(_) | Self::UtcDigits => self.moment(text),
            _ => text.to_owned(),
        }
    }

    fn moment(self, text: &str) -> String {
        let Ok(at) = Timestamp::parse_with_offset(text) else {
            return text.to_owned();
        };
        let local = UtcOffset::PAGE;
        match self {
            Self::CutTo(unit) => {
                let into = at.micros().rem_euclid(unit);
                at.plus(-into).to_text(local)
            }
            Self::Shifted(hours) => at.plus(hours * 3_600_000_000).to_text(local),
            _ => {
                let digits = text.len() - 6;
                format!("{}Z", &text[..digits])
            }
        }
    }
}

/// The name of a length of time in microseconds.
pub(super) fn unit(micros: i64) -> &'static str {
    match micros {
        1_000 => "millisecond",
        1_000_000 => "second",
        60_000_000 => "minute",
        _ => "day",
    }
}

fn constant(value: &Value) -> Value {
    match value {
        Value::Bool(_) => json!(true),
        Value::Number(_) => json!(1),
        Value::String(text) if text.contains('T') && text.contains(':') => {
            json!("2023-01-01T00:00:00+03:00")
        }
        Value::String(text) if text == "qty" || text == "kg" => json!("qty"),
        Value::String(text) if text == "standard" || text == "scheduled" => json!("standard"),
        other => other.clone(),
    }
}

fn other_choice(text: &str) -> &str {
    match text {
        "qty" => "kg",
        "kg" => "qty",
        "standard" => "scheduled",
        "scheduled" => "standard",
        other => other,
    }
}

/// Turns `reserved_stock` into `reservedStock`. A name of one word gets a capital.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default();
    let mut camel = first.to_owned();
    for word in words {
        camel += &capitalised(word);
    }
    if camel == name {
        camel = capitalised(name);
    }
    camel
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
