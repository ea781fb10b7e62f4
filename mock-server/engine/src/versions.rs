//! The differences between the versions of the stack, each under a name.
//!
//! No other code asks for the version in force. Source: docs/stack.md, Versions.

use crate::model::time::DateForms;
use crate::profile::Stack;

impl Stack {
    /// The formats of date-times that are accepted. Since Django 4.0 these include all that
    /// Python accepts.
    pub fn date_forms(self) -> DateForms {
        match self {
            Self::Django32 => DateForms::Pattern,
            Self::Django42 | Self::Django52 => DateForms::Iso,
        }
    }

    /// Returns `true` if answers have the header `Cross-Origin-Opener-Policy`, as since Django
    /// 4.0.
    pub fn sends_opener_policy(self) -> bool {
        self != Self::Django32
    }

    /// Returns `true` if the stack's own pages name their charset, as since Django 4.0.
    pub fn names_charset_of_pages(self) -> bool {
        self != Self::Django32
    }

    /// Returns `true` if an empty `?page=` means the first page, as since Django REST framework
    /// 3.15.
    pub fn takes_empty_page(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if a 404 names the model of the missing object, as since Django REST
    /// framework 3.15.
    pub fn names_missing_model(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if the case of a boolean in a body makes no difference, as since Django
    /// REST framework 3.15.
    pub fn reads_boolean_in_any_case(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if the errors of several rows are an object with indexes as keys, as
    /// since Django REST framework 3.18; earlier they are a list aligned with the rows.
    pub fn keys_rows_by_index(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if a `charset` is refused that names a Python codec for something other
    /// than text, as since Django REST framework 3.18.
    pub fn refuses_codecs_of_no_text(self) -> bool {
        self == Self::Django52
    }

    /// The most characters that a `Content-Type` may have to be parsed, as since Django REST
    /// framework 3.18; `None` for no limit.
    pub fn longest_media_type(self) -> Option<usize> {
        (self == Self::Django52).then_some(256)
    }
}
