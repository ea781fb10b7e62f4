//! Limits of the language of faults, as listed in `docs/faults.md`.

use std::time::Duration;

/// The largest file of rules, bytes.
pub(super) const MAX_BYTES: usize = 1_048_576;
/// The most rules of a file.
pub(super) const MAX_RULES: usize = 1_000;
/// The most characters of a rule's name.
pub(super) const MAX_NAME: usize = 64;
/// The most members of a `header`, a `query` or a `body` in a `match`.
pub(super) const MAX_CONDITIONS: usize = 16;
/// The most characters of a text.
pub(super) const MAX_TEXT: usize = 1_000;
/// The largest `nth`, `every` and `times`.
pub(super) const MAX_COUNT: u64 = 1_000_000_000;
/// The largest seed: greater integers are inexact to some JSON parsers.
pub(super) const MAX_SEED: u64 = 9_007_199_254_740_991;
/// The longest `ttl_seconds`: a week.
pub(super) const MAX_TTL_SECONDS: u64 = 604_800;
/// The longest delay, and the longest sum of delays in one exchange: ten minutes.
pub(super) const MAX_DELAY_MILLIS: u32 = 600_000;
pub(super) const MAX_DELAY: Duration = Duration::from_millis(MAX_DELAY_MILLIS as u64);
/// The longest time that a request is held: a minute.
pub(super) const MAX_HOLD_MILLIS: u32 = 60_000;
/// The most pieces of a slow body.
pub(super) const MAX_CHUNKS: u32 = 1_000;
/// The most bytes of garbage.
pub(super) const MAX_GARBAGE: u32 = 65_536;
/// The most writes that a stale answer may lack.
pub(super) const MAX_STALE: u32 = 1_000;
/// The longest `retry_after`, seconds: a day.
pub(super) const MAX_RETRY_AFTER: u32 = 86_400;
