//! The differences between the versions of the stack: what each of them does, by name.
//!
//! Nothing else asks which version is in force. Source: docs/stack.md, Versions.

use crate::model::time::DateForms;
use crate::profile::Stack;

impl Stack {
    /// The forms of a date-time that are read; since Django 4.0 all that Python reads.
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

    /// Returns `true` if the stack's own pages name their character set, as since Django 4.0.
    pub fn names_charset_of_pages(self) -> bool {
        self != Self::Django32
    }

    /// Returns `true` if `?page=` is the first page, as since Django REST framework 3.15.
    pub fn takes_empty_page(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if a 404 names the model of what is missing, as since Django REST
    /// framework 3.15.
    pub fn names_missing_model(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if a boolean in a body is read in upper, lower and mixed case alike, as
    /// since Django REST framework 3.15.
    pub fn reads_boolean_in_any_case(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if the errors of several rows are an object keyed by index, as since
    /// Django REST framework 3.18, and not a list as long as the rows.
    pub fn keys_rows_by_index(self) -> bool {
        self == Self::Django52
    }

    /// Returns `true` if a `charset` that is a codec of Python but not of text is refused, as
    /// since Django REST framework 3.18.
    pub fn refuses_codecs_of_no_text(self) -> bool {
        self == Self::Django52
    }

    /// The most characters of a `Content-Type` that is looked at, if there is a limit, as
    /// since Django REST framework 3.18.
    pub fn longest_media_type(self) -> Option<usize> {
        (self == Self::Django52).then_some(256)
    }
}
