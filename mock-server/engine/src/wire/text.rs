//! Text as the stack handles it: white space, digits, integers and decimal numbers.
//!
//! The stack is Python, whose `str.strip`, `int` and `Decimal` accept more than Rust's
//! functions: Arabic digits, underscores between digits, the ASCII separators as white space.
//! Source: docs/stack.md#filters, docs/stack.md#integers, docs/stack.md#pagination.

use std::cmp::Ordering;

/// The zero of each run of ten decimal digits (general category Nd in Unicode 14, the version
/// of the stack's Python).
const ZEROS: [u32; 66] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// Python's default limit for the digits of an integer that is parsed from text.
pub const MAX_INTEGER_DIGITS: usize = 4300;

/// Drops the byte order mark that some editors put in front of a file.
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// The value of a decimal digit in any script.
pub fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).and_then(|d| u8::try_from(d).ok());
    }
    let code = u32::from(c);
    let run = ZEROS.partition_point(|&zero| zero <= code).checked_sub(1)?;
    u8::try_from(code - ZEROS[run]).ok().filter(|&d| d < 10)
}

/// Returns `true` for white space as `str.strip` defines it.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()` in Python.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// An integer of any size: its sign, and its ASCII digits without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integer {
    negative: bool,
    digits: String,
}

impl Integer {
    /// `int(text)` in Python: surrounding white space, a sign, digits of any script, single
    /// underscores between digits. `None` where Python raises `ValueError`.
    pub fn parse(text: &str) -> Option<Self> {
        // Unlike `str.strip`, `int` does not accept U+001C to U+001F as white space.
        let text = text.trim_matches(char::is_whitespace);
        let (negative, body) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let mut digits = String::with_capacity(body.len());
        let mut after_digit = false;
        for c in body.chars() {
            if c == '_' && after_digit {
                after_digit = false;
                continue;
            }
            digits.push(char::from(b'0' + digit(c)?));
            after_digit = true;
        }
        if !after_digit || digits.len() > MAX_INTEGER_DIGITS {
            return None;
        }
        let significant = digits.trim_start_matches('0').len();
        digits.drain(..digits.len() - significant);
        Some(Self {
            negative: negative && !digits.is_empty(),
            digits,
        })
    }

    /// The value, limited to the range of `i64`.
    pub fn clamped(&self) -> i64 {
        let beyond = if self.negative { i64::MIN } else { i64::MAX };
        if self.digits.is_empty() {
            return 0;
        }
        let magnitude: i128 = match self.digits.parse() {
            Ok(magnitude) => magnitude,
            Err(_) => return beyond,
        };
        i64::try_from(if self.negative { -magnitude } else { magnitude }).unwrap_or(beyond)
    }
}

/// A reason why the number of a filter is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// It is not a finite number.
    NotANumber,
    /// It is greater than 1e50.
    TooLarge,
}

/// The largest exponent that `Decimal` accepts.
const MAX_EXPONENT: i64 = 999_999_999_999_999_999;

/// The digits of the float 1e50, with which the stack compares.
const LARGEST_DECIMAL: &str = "100000000000000007629769841091887003294964970946560";

/// The number of a filter, parsed as by `Decimal(text)`, truncated towards zero and limited to
/// the range of `i64`.
pub fn decimal(text: &str) -> Result<i64, DecimalError> {
    let text: String = strip(text).chars().filter(|&c| c != '_').collect();
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text.as_str()),
    };
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => {
            let exponent = &body[at + 1..];
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if unsigned.is_empty() || !unsigned.chars().all(|c| digit(c).is_some()) {
                return Err(DecimalError::NotANumber);
            }
            let exponent = Integer::parse(exponent).ok_or(DecimalError::NotANumber)?;
            if exponent.clamped().abs() > MAX_EXPONENT {
                return Err(DecimalError::NotANumber);
            }
            (&body[..at], exponent.clamped())
        }
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = String::with_capacity(mantissa.len());
    for c in whole.chars().chain(fraction.chars()) {
        digits.push(char::from(b'0' + digit(c).ok_or(DecimalError::NotANumber)?));
    }
    if digits.is_empty() {
        return Err(DecimalError::NotANumber);
    }
    let point = i64::try_from(whole.chars().count())
        .unwrap_or(i64::MAX)
        .saturating_add(exponent);
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let significant = &digits[leading..];
    let point = point.saturating_sub(i64::try_from(leading).unwrap_or(i64::MAX));
    if significant.is_empty() || point <= 0 {
        return Ok(0);
    }
    if !negative && exceeds_largest(significant, point) {
        return Err(DecimalError::TooLarge);
    }
    let beyond = if negative { i64::MIN } else { i64::MAX };
    let Some(point) = usize::try_from(point).ok().filter(|&p| p <= 19) else {
        return Ok(beyond);
    };
    let integer: String = significant
        .chars()
        .chain(std::iter::repeat('0'))
        .take(point)
        .collect();
    let magnitude: i128 = integer.parse().map_err(|_| DecimalError::NotANumber)?;
    Ok(i64::try_from(if negative { -magnitude } else { magnitude }).unwrap_or(beyond))
}

fn exceeds_largest(significant: &str, point: i64) -> bool {
    let places = i64::try_from(LARGEST_DECIMAL.len()).unwrap_or(i64::MAX);
    match point.cmp(&places) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => {
            significant.trim_end_matches('0') > LARGEST_DECIMAL.trim_end_matches('0')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("5", Some(5))]
    #[case(" 5 ", Some(5))]
    #[case("+5", Some(5))]
    #[case("-0", Some(0))]
    #[case("0_2", Some(2))]
    #[case("1_000", Some(1000))]
    #[case("\u{661}\u{662}", Some(12))]
    #[case("\u{2003}7\u{85}", Some(7))]
    #[case("7\u{1c}", None)]
    #[case("99999999999999999999", Some(i64::MAX))]
    #[case("-99999999999999999999", Some(i64::MIN))]
    #[case("", None)]
    #[case("+", None)]
    #[case("_1", None)]
    #[case("1_", None)]
    #[case("1__0", None)]
    #[case("1.0", None)]
    #[case("--1", None)]
    #[case("\u{b2}", None)]
    fn integers_read_as_the_stack_reads_them(#[case] text: &str, #[case] value: Option<i64>) {
        assert_eq!(Integer::parse(text).map(|i| i.clamped()), value, "{text:?}");
    }

    #[rstest]
    #[case("1.0", Ok(1))]
    #[case("1e0", Ok(1))]
    #[case(" 1 ", Ok(1))]
    #[case("1_0", Ok(10))]
    #[case("1.5", Ok(1))]
    #[case("-1.5", Ok(-1))]
    #[case(".5", Ok(0))]
    #[case("5.", Ok(5))]
    #[case("0.005e3", Ok(5))]
    #[case("1e50", Ok(i64::MAX))]
    #[case("-1e60", Ok(i64::MIN))]
    #[case("1e-999999999999999999", Ok(0))]
    #[case("1e1000000000000000000", Err(DecimalError::NotANumber))]
    #[case("1e51", Err(DecimalError::TooLarge))]
    #[case("100000000000000007629769841091887003294964970946560", Ok(i64::MAX))]
    #[case(
        "100000000000000007629769841091887003294964970946560.1",
        Err(DecimalError::TooLarge)
    )]
    #[case(
        "100000000000000007629769841091887003294964970946561",
        Err(DecimalError::TooLarge)
    )]
    #[case("abc", Err(DecimalError::NotANumber))]
    #[case("1,5", Err(DecimalError::NotANumber))]
    #[case("0x1", Err(DecimalError::NotANumber))]
    #[case("NaN", Err(DecimalError::NotANumber))]
    #[case("inf", Err(DecimalError::NotANumber))]
    #[case("--1", Err(DecimalError::NotANumber))]
    #[case("1e", Err(DecimalError::NotANumber))]
    #[case("1e+-2", Err(DecimalError::NotANumber))]
    #[case(".", Err(DecimalError::NotANumber))]
    fn decimals_are_cut_toward_zero(#[case] text: &str, #[case] value: Result<i64, DecimalError>) {
        assert_eq!(decimal(text), value, "{text:?}");
    }
}
