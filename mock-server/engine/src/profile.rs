//! The readings in force: one choice for each question that the page leaves open.
//!
//! The table below is the only place in the code that spells the names of readings and their
//! choices. Their meaning and the evidence for each are in `schemas/readings.yaml`, and a test
//! checks that the two agree.

use std::fmt::{self, Write as _};

use crate::suggest::did_you_mean;

/// The bits of a [`Decided`], one for each reading.
type Bits = u32;

/// A refused setting of a reading, as a sentence that names the accepted values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError(String);

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProfileError {}

macro_rules! readings {
    (
        choices { $($field:ident: $kind:ident = $id:literal { $($choice:ident = $name:literal,)+ })+ }
        numbers { $($number:ident: $number_kind:ident = $number_id:literal $default:literal in $least:literal..=$most:literal;)+ }
    ) => {
        $(
            #[doc = concat!("The choices of `", $id, "`, the default first.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            #[allow(missing_docs)]
            pub enum $kind { $($choice,)+ }

            impl $kind {
                /// Each choice with its name, the default first.
                pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$choice, $name),)+];

                fn name(self) -> &'static str {
                    match self { $(Self::$choice => $name,)+ }
                }
            }
        )+

        /// A reading, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Reading { $($kind,)+ $($number_kind,)+ }

        impl Reading {
            /// All readings, in the order of the register.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+ $(Self::$number_kind,)+];

            /// The id that profiles, flags, headers and reports use.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$kind => $id,)+
                    $(Self::$number_kind => $number_id,)+
                }
            }

            /// The values that the reading accepts.
            pub fn accepts(self) -> Accepts {
                match self {
                    $(Self::$kind => Accepts::Choices(&[$($name,)+]),)+
                    $(Self::$number_kind => Accepts::Number { least: $least, most: $most },)+
                }
            }
        }

        /// One choice for every reading.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub struct Profile {
            $(pub $field: $kind,)+
            $(pub $number: u32,)+
        }

        impl Default for Profile {
            fn default() -> Self {
                Self {
                    $($field: $kind::ALL[0].0,)+
                    $($number: $default,)+
                }
            }
        }

        impl Profile {
            /// The choice in force, as text.
            pub fn choice(&self, reading: Reading) -> String {
                match reading {
                    $(Reading::$kind => self.$field.name().to_owned(),)+
                    $(Reading::$number_kind => self.$number.to_string(),)+
                }
            }

            /// Sets one reading by its id.
            pub fn set(&mut self, id: &str, choice: &str) -> Result<(), ProfileError> {
                match id {
                    $($id => {
                        self.$field = $kind::ALL
                            .iter()
                            .find(|(_, name)| *name == choice)
                            .map(|(kind, _)| *kind)
                            .ok_or_else(|| refused(Reading::$kind, choice))?;
                    })+
                    $($number_id => {
                        self.$number = choice
                            .parse()
                            .ok()
                            .filter(|n| ($least..=$most).contains(n))
                            .ok_or_else(|| refused(Reading::$number_kind, choice))?;
                    })+
                    _ => return Err(unknown(id)),
                }
                Ok(())
            }
        }
    };
}

readings! {
    choices {
        already_reported: AlreadyReported = "already-reported" {
            ReplayedDate = "replayed-date",
            StaleDate = "stale-date",
            ProviderOptedOut = "provider-opted-out",
            Never = "never",
        }
        decrease_at_zero: DecreaseAtZero = "decrease-at-zero" {
            AlreadyReported = "already-reported",
            Floor = "floor",
            Negative = "negative",
        }
        reservation_without_stock: ReservationWithoutStock = "reservation-without-stock" {
            NotFound = "not-found",
            AlreadyReported = "already-reported",
        }
        reservation_arguments: ReservationArguments = "reservation-arguments" {
            Either = "either",
            Body = "body",
            Query = "query",
        }
        query_arguments: QueryArguments = "query-arguments" {
            Either = "either",
            Body = "body",
            Query = "query",
        }
        provider_argument: ProviderArgument = "provider-argument" {
            Name = "name",
            NameOrId = "name-or-id",
        }
        reservation_date: ReservationDate = "reservation-date" {
            DateOrDatetime = "date-or-datetime",
            Opaque = "opaque",
        }
        missing_content_type: MissingContentType = "missing-content-type" {
            Json = "json",
            Unsupported = "unsupported",
        }
        upsert_method: UpsertMethod = "upsert-method" {
            Post = "post",
            PostOrGet = "post-or-get",
        }
        upsert_refusal: UpsertRefusal = "upsert-refusal" {
            AllOrNothing = "all-or-nothing",
            PerSku = "per-sku",
        }
        salable: Salable = "salable" {
            ActiveUnreserved = "active-unreserved",
            Unreserved = "unreserved",
            Stock = "stock",
        }
        query_scope: QueryScope = "query-scope" {
            All = "all",
            Active = "active",
        }
        active_quantity: ActiveQuantity = "active-quantity" {
            Salable = "salable",
            Stock = "stock",
        }
        active_sku: ActiveSku = "active-sku" {
            Filter = "filter",
            Ignored = "ignored",
        }
        active_path: ActivePath = "active-path" {
            Both = "both",
            ActiveStocks = "active-stocks",
        }
        unknown_sku: UnknownSku = "unknown-sku" {
            Empty = "empty",
            NotFound = "not-found",
            Omitted = "omitted",
        }
        unknown_place: UnknownPlace = "unknown-place" {
            InvalidLocation = "invalid-location",
            DoesNotExist = "does-not-exist",
        }
        stock_identity: StockIdentity = "stock-identity" {
            PlaceAndPeriod = "place-and-period",
            Place = "place",
        }
        unit_labels: UnitLabels = "unit-labels" {
            Labels = "labels",
            Strict = "strict",
        }
        period_shape: PeriodShape = "period-shape" {
            Range = "range",
            NullOnly = "null-only",
        }
        reservation_row: ReservationRow = "reservation-row" {
            First = "first",
            Last = "last",
        }
        place_order: PlaceOrder = "place-order" {
            Code = "code",
            Id = "id",
        }
        stack: Stack = "stack" {
            Django42 = "django-4.2",
            Django32 = "django-3.2",
            Django52 = "django-5.2",
        }
        case_folding: CaseFolding = "case-folding" {
            Simple = "simple",
            Turkish = "turkish",
            Full = "full",
            Ascii = "ascii",
        }
    }
    numbers {
        page_size: PageSize = "page-size" 10 in 1..=1_000_000;
        page_limit: PageLimit = "page-limit" 1000 in 1..=1_000_000;
        sku_length: SkuLength = "sku-length" 64 in 1..=1000;
    }
}

/// The values that a reading accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// One of these words, the default first.
    Choices(&'static [&'static str]),
    /// A whole number in this range.
    Number {
        /// The least value, inclusive.
        least: u32,
        /// The greatest value, inclusive.
        most: u32,
    },
}

impl fmt::Display for Accepts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Choices(names) => f.write_str(&names.join(", ")),
            Self::Number { least, most } => write!(f, "{least} to {most}"),
        }
    }
}

fn refused(reading: Reading, choice: &str) -> ProfileError {
    let accepts = reading.accepts();
    ProfileError(format!(
        "reading `{}` cannot be `{choice}`: it takes {}{accepts}",
        reading.id(),
        match accepts {
            Accepts::Choices(_) => "one of ",
            Accepts::Number { .. } => "a whole number from ",
        }
    ))
}

fn unknown(id: &str) -> ProfileError {
    let hint = did_you_mean(id, Reading::ALL.iter().map(|reading| reading.id()));
    ProfileError(format!(
        "there is no reading `{id}`; {hint}`whippy-mock readings` lists them all"
    ))
}

impl Profile {
    /// Applies a profile file: TOML with lines like `reading-id = "choice"`, numbers without
    /// quotes. Readings that it does not name stay as they are.
    pub fn apply_toml(&mut self, text: &str) -> Result<(), ProfileError> {
        let table: toml::Table = toml::from_str(text)
            .map_err(|error| ProfileError(error.to_string().trim_end().to_owned()))?;
        for (id, value) in &table {
            let choice = match value {
                toml::Value::String(choice) => choice.clone(),
                toml::Value::Integer(number) => number.to_string(),
                other => return Err(wrong_type(id, other.type_str())),
            };
            self.set(id, &choice)?;
        }
        Ok(())
    }

    /// Applies a JSON object with the members of a profile file.
    pub fn apply_json(&mut self, object: &serde_json::Value) -> Result<(), ProfileError> {
        let Some(object) = object.as_object() else {
            return Err(ProfileError(
                "a profile is an object of reading ids and choices".to_owned(),
            ));
        };
        for (id, value) in object {
            let choice = match value {
                serde_json::Value::String(choice) => choice.clone(),
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Null => return Err(wrong_type(id, "null")),
                serde_json::Value::Bool(_) => return Err(wrong_type(id, "boolean")),
                serde_json::Value::Array(_) => return Err(wrong_type(id, "array")),
                serde_json::Value::Object(_) => return Err(wrong_type(id, "object")),
            };
            self.set(id, &choice)?;
        }
        Ok(())
    }

    /// The profile as a JSON object for [`apply_json`](Self::apply_json).
    pub fn to_json(&self) -> serde_json::Value {
        let readings = Reading::ALL.iter().map(|&reading| {
            let choice = self.choice(reading);
            let value = match (reading.accepts(), choice.parse::<u32>()) {
                (Accepts::Number { .. }, Ok(number)) => number.into(),
                _ => choice.into(),
            };
            (reading.id().to_owned(), value)
        });
        serde_json::Value::Object(readings.collect())
    }

    /// The profile as a TOML file for [`apply_toml`](Self::apply_toml).
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        for &reading in Reading::ALL {
            let choice = self.choice(reading);
            let quote = match reading.accepts() {
                Accepts::Choices(_) => "\"",
                Accepts::Number { .. } => "",
            };
            let _ = writeln!(out, "{} = {quote}{choice}{quote}", reading.id());
        }
        out
    }
}

fn wrong_type(id: &str, found: &str) -> ProfileError {
    ProfileError(format!(
        "reading `{id}` takes the name of a choice or a number, not a value of type {found}"
    ))
}

/// The readings that decided an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided(Bits);

const _: () = assert!(Reading::ALL.len() <= Bits::BITS as usize);

impl Decided {
    /// Adds a reading.
    #[must_use]
    pub fn and(self, reading: Reading) -> Self {
        Self(self.0 | 1 << reading as Bits)
    }

    /// The readings of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Iterates over the readings in the order of the register.
    pub fn iter(self) -> impl Iterator<Item = Reading> {
        Reading::ALL
            .iter()
            .copied()
            .filter(move |&reading| self.0 & 1 << reading as Bits != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_survives_its_own_toml() {
        let mut profile = Profile::default();
        for &reading in Reading::ALL {
            let last = match reading.accepts() {
                Accepts::Choices(names) => (*names.last().unwrap()).to_owned(),
                Accepts::Number { most, .. } => most.to_string(),
            };
            profile.set(reading.id(), &last).unwrap();
        }
        let mut read = Profile::default();
        read.apply_toml(&profile.to_toml()).unwrap();
        assert_eq!(read, profile);
        let mut read = Profile::default();
        read.apply_json(&profile.to_json()).unwrap();
        assert_eq!(read, profile);
        assert_ne!(read, Profile::default());
    }

    #[test]
    fn a_mistake_is_named_with_what_would_do() {
        let mut profile = Profile::default();
        let mut said = |id, choice| profile.set(id, choice).unwrap_err().to_string();
        assert_eq!(
            said("decrease-at-zero", "flor"),
            "reading `decrease-at-zero` cannot be `flor`: \
             it takes one of already-reported, floor, negative"
        );
        assert_eq!(
            said("page-size", "0"),
            "reading `page-size` cannot be `0`: it takes a whole number from 1 to 1000000"
        );
        assert_eq!(
            said("salabel", "stock"),
            "there is no reading `salabel`; did you mean `salable`? \
             `whippy-mock readings` lists them all"
        );
        let toml = profile.apply_toml("salable = true").unwrap_err();
        assert_eq!(
            toml.to_string(),
            "reading `salable` takes the name of a choice or a number, not a value of type boolean"
        );
    }
}
