//! Moments: the stack's parsing of date-times in bodies and filters, and its way of writing
//! them.
//!
//! The stack parses with `datetime.fromisoformat` of Python 3.11, and with Django's own pattern
//! if that fails. Together they accept most of ISO 8601 and some oddities, which are kept here.
//! Source: docs/stack.md#date-times, docs/stack.md#filters.

use std::time::SystemTime;

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};

use crate::wire::text::{digit, is_space, strip};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// The first and the last microsecond of the stack's calendar (years 1 to 9999), in UTC.
const FIRST: i64 = -62_135_596_800 * SECOND;
const LAST: i64 = 253_402_300_800 * SECOND - 1;

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The formats of date-times that a version of the stack parses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateForms {
    /// Django's own pattern only, as before Django 4.0.
    Pattern,
    /// ISO 8601 as far as Python 3.11 parses it, and then Django's own pattern.
    Iso,
}

/// A reason why a text is not a date-time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeError {
    /// The text has none of the accepted formats.
    Format,
    /// The moment is outside the years 1 to 9999, in UTC or in local time.
    Range,
}

/// The fixed offset of the service's local time from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcOffset {
    seconds: i32,
}

impl UtcOffset {
    /// The offset of every date on the page, +03:00.
    pub const PAGE: Self = Self { seconds: 3 * 3600 };

    /// UTC.
    pub const UTC: Self = Self { seconds: 0 };

    /// Parses `+HH:MM`, `-HH:MM` or `Z`; less than a day.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "Z" {
            return Some(Self { seconds: 0 });
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let two = |s: &str| {
            (s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit()))
                .then(|| s.parse::<i32>().ok())
                .flatten()
        };
        let (hours, minutes) = text[1..].split_once(':')?;
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(Self {
            seconds: sign * (hours * 3600 + minutes * 60),
        })
    }

    pub(crate) fn micros(self) -> i64 {
        i64::from(self.seconds) * SECOND
    }
}

impl std::fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.seconds < 0 { '-' } else { '+' };
        let minutes = self.seconds.abs() / 60;
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl From<SystemTime> for Timestamp {
    /// Times before 1970 become 1970, and times after the year 9999 its end.
    fn from(time: SystemTime) -> Self {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self::EPOCH.plus(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment so many microseconds after 1970-01-01T00:00:00Z; `None` outside the years 1
    /// to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (FIRST..=LAST).contains(&micros).then_some(Self(micros))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The moment `seconds` later, for constants. The calendar's ends are not checked.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0 + seconds * SECOND)
    }

    /// The moment `micros` microseconds later, or earlier if negative, at most at the
    /// calendar's ends.
    #[must_use]
    pub fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros).clamp(FIRST, LAST))
    }

    /// Parses a date-time field of a body in any accepted format.
    pub fn parse(text: &str, local: UtcOffset) -> Result<Self, TimeError> {
        Self::parse_as(text, local, DateForms::Iso)
    }

    /// Parses a date-time field of a body. A text without an offset is in local time.
    pub fn parse_as(text: &str, local: UtcOffset, forms: DateForms) -> Result<Self, TimeError> {
        let (civil, offset) = read(text, forms).ok_or(TimeError::Format)?;
        let Some(offset) = offset else {
            return Ok(Self(civil - local.micros()));
        };
        let utc = civil - offset;
        // Python converts a value with an offset to local time by way of UTC.
        if (FIRST..=LAST).contains(&utc) && (FIRST..=LAST).contains(&(utc + local.micros())) {
            Ok(Self(utc))
        } else {
            Err(TimeError::Range)
        }
    }

    /// Parses a date-time that must have an offset.
    pub fn parse_with_offset(text: &str) -> Result<Self, TimeError> {
        match read(text, DateForms::Iso) {
            Some((civil, Some(offset))) => {
                Self::from_micros(civil - offset).ok_or(TimeError::Range)
            }
            _ => Err(TimeError::Format),
        }
    }

    /// Parses the date-time of a filter: surrounding white space is ignored, and nothing is out
    /// of range.
    pub fn parse_filter(text: &str, local: UtcOffset, forms: DateForms) -> Result<Self, TimeError> {
        let (civil, offset) = read(strip(text), forms).ok_or(TimeError::Format)?;
        Ok(Self(civil - offset.unwrap_or_else(|| local.micros())))
    }

    /// Appends the moment in local time as the stack writes it: with six fractional digits, or
    /// none if they are zero, and `Z` for a zero offset.
    pub fn write(self, out: &mut Vec<u8>, local: UtcOffset) {
        // One append, since most moments of an answer are written here.
        let mut text = *b"0000-00-00T00:00:00.000000+00:00";
        let shown = (self.0 + local.micros()).clamp(FIRST, LAST);
        let (year, month, day) = civil_date(shown.div_euclid(DAY));
        let in_day = shown.rem_euclid(DAY);
        let (seconds, micros) = (unsigned(in_day / SECOND), unsigned(in_day % SECOND));
        set_digits(&mut text[..4], year);
        set_digits(&mut text[5..7], month);
        set_digits(&mut text[8..10], day);
        set_digits(&mut text[11..13], seconds / 3600);
        set_digits(&mut text[14..16], seconds / 60 % 60);
        set_digits(&mut text[17..19], seconds % 60);
        set_digits(&mut text[20..26], micros);
        let minutes = local.seconds.unsigned_abs() / 60;
        if local.seconds < 0 {
            text[26] = b'-';
        }
        set_digits(&mut text[27..29], minutes / 60);
        set_digits(&mut text[30..], minutes % 60);
        if local.seconds == 0 {
            text[26] = b'Z';
        }
        let zone = if local.seconds == 0 {
            &text[26..27]
        } else {
            &text[26..]
        };
        if micros == 0 {
            out.extend_from_slice(&text[..19]);
            out.extend_from_slice(zone);
        } else {
            out.extend_from_slice(&text[..26 + zone.len()]);
        }
    }

    /// The moment in local time as the stack writes it.
    pub fn to_text(self, local: UtcOffset) -> String {
        let mut out = Vec::with_capacity(32);
        self.write(&mut out, local);
        String::from_utf8(out).unwrap_or_default()
    }
}

/// Year, month and day of a day counted from 1970-01-01, within the years 1 to 9999.
///
/// It counts in years that begin with March, whose lengths repeat every 400 years.
fn civil_date(days: i64) -> (u32, u32, u32) {
    const FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    const DAYS_OF_400_YEARS: u32 = 146_097;
    let days = unsigned(days + FROM_MARCH_OF_YEAR_0);
    let (cycle, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    // Once the leap days before it are subtracted, the day's number gives its year.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // The five months from March on have 153 days, and so have the next five.
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year, month + 3),
        _ => (year + 1, month - 9),
    };
    (400 * cycle + year, month, day_of_month)
}

/// Converts a number that cannot be negative or exceed 32 bits.
fn unsigned(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

#[allow(clippy::cast_possible_truncation)] // One digit at a time.
fn set_digits(slots: &mut [u8], mut value: u32) {
    for slot in slots.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// A local time in microseconds, and the offset sent with it in microseconds.
type Read = (i64, Option<i64>);

fn read(text: &str, forms: DateForms) -> Option<Read> {
    match forms {
        DateForms::Pattern => from_pattern(text, forms),
        // Django tries its pattern where Python's parser fails. A text that matches the pattern
        // but not the calendar is refused.
        DateForms::Iso => from_iso_format(text.as_bytes()).or_else(|| from_pattern(text, forms)),
    }
}

/// Returns `true` if the versions of the stack read a text differently.
pub fn is_read_by_some(text: &str) -> bool {
    read(text, DateForms::Pattern) != read(text, DateForms::Iso)
}

/// A parsed clock time: hour, minute, second, microsecond.
type Clock = [i64; 4];

fn civil_micros(date: Date, [hour, minute, second, micro]: Clock) -> Option<i64> {
    let part = |value: i64| i8::try_from(value).ok();
    let time = Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()?;
    if date.year() < 1 {
        return None;
    }
    let since = DateTime::from_parts(date, time).duration_since(EPOCH.to_datetime(Time::MIN));
    Some(since.as_secs() * SECOND + micro)
}

fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

fn within_a_day(offset: i64) -> Option<i64> {
    (offset.abs() < DAY).then_some(offset)
}

/// Parses as `datetime.fromisoformat` of Python 3.11 does, which reads bytes, and finds a NUL
/// behind the last one.
fn from_iso_format(text: &[u8]) -> Option<Read> {
    if text.len() < 7 {
        return None;
    }
    let separator = separator_position(text)?;
    let date = iso_date(text, separator)?;
    if text.len() == separator {
        return Some((civil_micros(date, [0; 4])?, None));
    }
    let separator_length = match text[separator] {
        b if b < 0x80 => 1,
        b if b & 0xf0 == 0xe0 => 3,
        b if b & 0xf0 == 0xf0 => 4,
        _ => 2,
    };
    let time = text.get(separator + separator_length..)?;
    let zone = time
        .iter()
        .position(|b| matches!(b, b'+' | b'-' | b'Z'))
        .unwrap_or(time.len());
    let (clock, more) = iso_clock(time, zone)?;
    let local = civil_micros(date, clock)?;
    if zone == time.len() {
        return (!more).then_some((local, None));
    }
    if time[zone] == b'Z' {
        return (byte(time, zone + 1) == 0).then_some((local, Some(0)));
    }
    let sign = if time[zone] == b'-' { -1 } else { 1 };
    let zone = &time[zone + 1..];
    let ([hours, minutes, seconds, micros], more) = iso_clock(zone, zone.len())?;
    let offset = ((hours * 60 + minutes) * 60 + seconds) * SECOND + micros;
    if more {
        return None;
    }
    Some((local, Some(within_a_day(sign * offset)?)))
}

fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

fn is_digit(b: u8) -> bool {
    b.is_ascii_digit()
}

/// Parses `count` ASCII digits at `at`, and returns the position after them.
fn digits(text: &[u8], at: usize, count: usize) -> Option<(i64, usize)> {
    let mut value = 0;
    for i in at..at + count {
        let b = byte(text, i);
        if !is_digit(b) {
            return None;
        }
        value = value * 10 + i64::from(b - b'0');
    }
    Some((value, at + count))
}

/// The position after the date. The five formats of a date differ in their fifth and sixth
/// characters.
fn separator_position(text: &[u8]) -> Option<usize> {
    let length = text.len();
    if length == 7 {
        return Some(7);
    }
    if text[4] == b'-' {
        if text[5] != b'W' {
            return Some(10);
        }
        if text.get(8) != Some(&b'-') {
            return Some(8);
        }
        return match length {
            9 => None,
            // YYYY-Www-## counts as a week with a time after it.
            _ if length > 10 && is_digit(text[10]) => Some(8),
            _ => Some(10),
        };
    }
    if text[4] != b'W' {
        return Some(8);
    }
    let run = (7..length).find(|&i| !is_digit(text[i])).unwrap_or(length);
    Some(match run {
        0..9 => run,
        _ if run % 2 == 0 => 7,
        _ => 8,
    })
}

fn iso_date(text: &[u8], length: usize) -> Option<Date> {
    let (year, at) = digits(text, 0, 4)?;
    let separated = byte(text, at) == b'-';
    let at = at + usize::from(separated);
    if byte(text, at) == b'W' {
        let (week, mut at) = digits(text, at + 1, 2)?;
        let mut day = 1;
        if at < length {
            if separated {
                if byte(text, at) != b'-' {
                    return None;
                }
                at += 1;
            }
            (day, _) = digits(text, at, 1)?;
        }
        let weekday = Weekday::from_monday_one_offset(i8::try_from(day).ok()?).ok()?;
        let week = ISOWeekDate::new(i16::try_from(year).ok()?, i8::try_from(week).ok()?, weekday);
        return week.ok().map(ISOWeekDate::date);
    }
    let (month, mut at) = digits(text, at, 2)?;
    if separated {
        if byte(text, at) != b'-' {
            return None;
        }
        at += 1;
    }
    let (day, at) = digits(text, at, 2)?;
    if at != length {
        return None;
    }
    date(year, month, day)
}

/// Parses `HH[:MM[:SS[.ffffff]]]` up to `end`, with or without colons. The flag is `true` if
/// more text follows.
fn iso_clock(text: &[u8], end: usize) -> Option<(Clock, bool)> {
    let mut clock = [0; 4];
    let mut at = 0;
    let mut colons = true;
    for (i, slot) in clock.iter_mut().take(3).enumerate() {
        (*slot, at) = digits(text, at, 2)?;
        let next = byte(text, at);
        at += 1;
        if i == 0 {
            colons = next == b':';
        }
        if at >= end {
            return Some((clock, next != 0));
        }
        match next {
            b':' if colons => {}
            b'.' | b',' => break,
            _ if !colons => at -= 1,
            _ => return None,
        }
    }
    let count = (end - at).min(6);
    let (fraction, mut at) = digits(text, at, count)?;
    clock[3] = fraction * 10_i64.pow(u32::try_from(6 - count).ok()?);
    while is_digit(byte(text, at)) {
        at += 1;
    }
    Some((clock, byte(text, at) != 0))
}

/// Django's pattern: parts of one or two digits, `T` or a space, a fraction, white space (since
/// Django 4.0), `Z` or an offset.
fn from_pattern(text: &str, forms: DateForms) -> Option<Read> {
    let mut rest = Pattern(text);
    let year = rest.number(4, 4)?;
    let month = rest.mark(&['-'])?.number(1, 2)?;
    let day = rest.mark(&['-'])?.number(1, 2)?;
    let hour = rest.mark(&['T', ' '])?.number(1, 2)?;
    let minute = rest.mark(&[':'])?.number(1, 2)?;
    let mut clock = [hour, minute, 0, 0];
    if rest.mark(&[':']).is_some() {
        clock[2] = rest.number(1, 2)?;
        if rest.mark(&['.', ',']).is_some() {
            clock[3] = rest.fraction()?;
        }
    }
    if forms == DateForms::Iso {
        rest.0 = rest.0.trim_start_matches(is_space);
    }
    let zone = rest.0.strip_suffix('\n').unwrap_or(rest.0);
    let offset = match zone.as_bytes().first() {
        None => None,
        Some(b'Z') if zone.len() == 1 => Some(0),
        Some(b'+' | b'-') => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let mut rest = Pattern(&zone[1..]);
            let hours = rest.number(2, 2)?;
            let _ = rest.mark(&[':']);
            let minutes = if rest.0.is_empty() && !zone.ends_with(':') {
                0
            } else {
                rest.number(2, 2)?
            };
            if !rest.0.is_empty() {
                return None;
            }
            Some(within_a_day(sign * (hours * 60 + minutes) * 60 * SECOND)?)
        }
        Some(_) => return None,
    };
    Some((civil_micros(date(year, month, day)?, clock)?, offset))
}

struct Pattern<'a>(&'a str);

impl Pattern<'_> {
    fn mark(&mut self, marks: &[char]) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(marks)?;
        Some(self)
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let mut value = 0;
        let mut count = 0;
        let mut chars = self.0.chars();
        while count < most {
            let Some(d) = chars.clone().next().and_then(digit) else {
                break;
            };
            chars.next();
            value = value * 10 + i64::from(d);
            count += 1;
        }
        self.0 = chars.as_str();
        (count >= least).then_some(value)
    }

    /// Parses up to twelve fractional digits as microseconds; only six of them count.
    fn fraction(&mut self) -> Option<i64> {
        let before = self.0;
        let value = self.number(1, 6)?;
        let taken = before[..before.len() - self.0.len()].chars().count();
        let _ = self.number(0, 6);
        Some(value * 10_i64.pow(u32::try_from(6 - taken).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use rstest::rstest;

    #[test]
    fn every_day_of_the_calendar_is_the_librarys() {
        let days = FIRST.div_euclid(DAY)..=LAST.div_euclid(DAY);
        assert_eq!(days.clone().count(), 3_652_059);
        for day in days {
            let date = EPOCH.checked_add(SignedDuration::from_hours(day * 24));
            let date = date.unwrap();
            let parts = (date.year().into(), date.month().into(), date.day().into());
            let (year, month, of_month) = civil_date(day);
            assert_eq!(
                (i64::from(year), i64::from(month), i64::from(of_month)),
                parts
            );
        }
    }

    #[track_caller]
    fn shows(text: &str, shown: &str) {
        let at = Timestamp::parse(text, UtcOffset::PAGE);
        assert_eq!(
            at.map(|at| at.to_text(UtcOffset::PAGE)),
            Ok(shown.to_owned()),
            "{text:?}"
        );
    }

    #[rstest]
    #[case("2023-05-10T13:37:18.209869+03:00", "2023-05-10T13:37:18.209869+03:00")]
    #[case("2023-05-10T13:37:18.12", "2023-05-10T13:37:18.120000+03:00")]
    #[case("2023-05-10 13:37", "2023-05-10T13:37:00+03:00")]
    #[case("2023-05-10T10:37:18Z", "2023-05-10T13:37:18+03:00")]
    #[case(
        "2023-05-10T10:37:18,1234567890+00",
        "2023-05-10T13:37:18.123456+03:00"
    )]
    #[case("2023-05-10T13:37:18+0300", "2023-05-10T13:37:18+03:00")]
    #[case("2023-05-10T13:37:18 +03:00", "2023-05-10T13:37:18+03:00")]
    #[case("2023-05-10", "2023-05-10T00:00:00+03:00")]
    #[case("20230510T1337", "2023-05-10T13:37:00+03:00")]
    #[case("2023-05-10T13", "2023-05-10T13:00:00+03:00")]
    #[case("2023-W19-3", "2023-05-10T00:00:00+03:00")]
    #[case("2023W193T13", "2023-05-10T13:00:00+03:00")]
    #[case("2023-05-10x13:37", "2023-05-10T13:37:00+03:00")]
    #[case("2023-5-1 1:2", "2023-05-01T01:02:00+03:00")]
    #[case("2023-05-10T13:37:18+03:00\n", "2023-05-10T13:37:18+03:00")]
    #[case("0001-01-01T00:00:00", "0001-01-01T00:00:00+03:00")]
    #[case("9999-12-31T23:59:59.999999+03:00", "9999-12-31T23:59:59.999999+03:00")]
    fn what_the_stack_accepts(#[case] text: &str, #[case] shown: &str) {
        shows(text, shown);
    }

    #[rstest]
    #[case("")]
    #[case(" 2023-05-10T13:37:18")]
    #[case("2023-05-10t13:37:18z")]
    #[case("2023-05-10T13:37:60")]
    #[case("2023-05-10T24:00")]
    #[case("2023-13-01")]
    #[case("2023-02-29")]
    #[case("2023")]
    #[case("2023-05")]
    #[case("10/05/2023")]
    #[case("1683715038")]
    #[case("0000-01-01T00:00")]
    #[case("2023-05-10T13:37+24:00")]
    #[case("2023-05-10T13:37:18+03:0")]
    #[case("2023-W54-1")]
    #[case("2023-05-10T")]
    #[case("2023-05-10Z")]
    fn what_the_stack_refuses(#[case] text: &str) {
        assert_eq!(
            Timestamp::parse(text, UtcOffset::PAGE),
            Err(TimeError::Format),
            "{text:?}"
        );
    }

    #[rstest]
    #[case("9999-12-31T23:59:59Z")]
    #[case("0001-01-01T00:00:00+03:00")]
    fn what_leaves_the_calendar(#[case] text: &str) {
        assert_eq!(
            Timestamp::parse(text, UtcOffset::PAGE),
            Err(TimeError::Range),
            "{text:?}"
        );
    }

    #[test]
    fn a_zero_offset_shows_as_z() {
        let utc = UtcOffset::parse("+00:00").unwrap();
        let at = Timestamp::parse("1969-12-31T23:59:59.000001", utc).unwrap();
        assert_eq!(at.to_text(utc), "1969-12-31T23:59:59.000001Z");
        assert_eq!(at.micros(), -999_999);
    }

    #[rstest]
    #[case("+03:00", Some("+03:00"))]
    #[case("-05:30", Some("-05:30"))]
    #[case("Z", Some("+00:00"))]
    #[case("+3:00", None)]
    #[case("03:00", None)]
    #[case("+24:00", None)]
    #[case("+\u{e7}:00", None)]
    fn offsets_read(#[case] text: &str, #[case] shown: Option<&str>) {
        assert_eq!(
            UtcOffset::parse(text).map(|o| o.to_string()).as_deref(),
            shown
        );
    }
}
