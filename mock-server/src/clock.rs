//! The service's clock: the real one, or a fixed one that ticks as it is read.
//!
//! The system's time arrives as an argument, so that nothing here waits or guesses.

use serde::{Deserialize, Serialize};

use crate::engine::Now;
use crate::model::time::{Timestamp, UtcOffset};

/// The largest tick: a day.
const MAX_TICK: i64 = 86_400_000_000;

/// The furthest that a clock is advanced at once: ten years, in seconds.
pub const MAX_ADVANCE: f64 = 315_360_000.0;

/// What the clock is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    /// The system's time.
    Real,
    /// A moment, and the microseconds that each reading takes.
    Fixed {
        /// Where it stands.
        now: Timestamp,
        /// Microseconds a reading.
        tick: i64,
    },
}

impl ClockMode {
    /// Reads `real` or `TIMESTAMP[,tick=MICROSECONDS]`; a sentence where it is neither.
    pub fn parse(text: &str, local: UtcOffset) -> Result<Self, String> {
        if text == "real" {
            return Ok(Self::Real);
        }
        let (moment, tick) = match text.split_once(",tick=") {
            Some((moment, tick)) => (moment, Some(tick)),
            None => (text, None),
        };
        let now = Timestamp::parse(moment, local).map_err(|_| {
            format!("`{moment}` is no date-time like 2023-05-10T13:37:18.209869+03:00")
        })?;
        let tick = match tick {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| format!("the tick `{text}` is no number of microseconds"))?,
        };
        Self::fixed(now, tick)
    }

    /// A fixed clock; a sentence where the tick is out of bounds.
    pub fn fixed(now: Timestamp, tick: i64) -> Result<Self, String> {
        if (0..=MAX_TICK).contains(&tick) {
            Ok(Self::Fixed { now, tick })
        } else {
            Err(format!(
                "the tick {tick} is not between 0 and {MAX_TICK} microseconds"
            ))
        }
    }
}

/// The clock as it runs. As JSON it goes on where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "ClockRecord", into = "ClockRecord")]
pub struct ServiceClock {
    mode: ClockMode,
    /// How far a real clock was advanced, microseconds.
    ahead: i64,
    /// The last moment that a real clock gave: it never gives one twice, even where
    /// the system's steps back.
    last: Timestamp,
}

/// A clock as JSON; all in microseconds, moments since 1970 in UTC.
#[derive(Deserialize, Serialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
enum ClockRecord {
    Real { ahead: i64, last: i64 },
    Fixed { now: i64, tick: i64 },
}

impl From<ServiceClock> for ClockRecord {
    fn from(clock: ServiceClock) -> Self {
        match clock.mode {
            ClockMode::Real => Self::Real {
                ahead: clock.ahead,
                last: clock.last.micros(),
            },
            ClockMode::Fixed { now, tick } => Self::Fixed {
                now: now.micros(),
                tick,
            },
        }
    }
}

impl TryFrom<ClockRecord> for ServiceClock {
    type Error = String;

    fn try_from(record: ClockRecord) -> Result<Self, String> {
        let moment = |micros| {
            Timestamp::from_micros(micros)
                .ok_or_else(|| format!("{micros} is no moment of the years 1 to 9999"))
        };
        Ok(match record {
            ClockRecord::Real { ahead, last } => Self {
                mode: ClockMode::Real,
                ahead,
                last: moment(last)?,
            },
            ClockRecord::Fixed { now, tick } => Self::new(ClockMode::fixed(moment(now)?, tick)?),
        })
    }
}

impl ServiceClock {
    /// A clock that has not been read.
    pub fn new(mode: ClockMode) -> Self {
        Self {
            mode,
            ahead: 0,
            last: Timestamp::EPOCH,
        }
    }

    /// What it is set to, with the moment where it stands.
    pub fn mode(&self) -> ClockMode {
        self.mode
    }

    /// Where it stands.
    pub fn now(&self, system: Timestamp) -> Now {
        match self.mode {
            ClockMode::Real => Now {
                at: system.plus(self.ahead).max(self.last.plus(1)),
                tick: 1,
            },
            ClockMode::Fixed { now, tick } => Now { at: now, tick },
        }
    }

    /// Keeps that it was read so often, starting where it stood.
    pub fn was_read(&mut self, from: Now, reads: u64) {
        let Some(last) = reads.checked_sub(1) else {
            return;
        };
        let ticks = |count: u64| {
            from.tick
                .saturating_mul(i64::try_from(count).unwrap_or(i64::MAX))
        };
        match &mut self.mode {
            ClockMode::Real => self.last = from.at.plus(ticks(last)),
            ClockMode::Fixed { now, .. } => *now = from.at.plus(ticks(reads)),
        }
    }

    /// Moves it forward by so many microseconds.
    pub fn advance(&mut self, micros: i64) {
        match &mut self.mode {
            ClockMode::Real => self.ahead = self.ahead.saturating_add(micros),
            ClockMode::Fixed { now, .. } => *now = now.plus(micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_a_tick_with_every_reading() {
        let text = "2023-05-10T15:15:03.254957+03:00,tick=23";
        let mut clock = ServiceClock::new(ClockMode::parse(text, UtcOffset::PAGE).unwrap());
        let first = clock.now(Timestamp::EPOCH);
        clock.was_read(first, 2);
        let second = clock.now(Timestamp::EPOCH);
        assert_eq!(second.at.micros() - first.at.micros(), 46);
        clock.was_read(second, 0);
        assert_eq!(clock.now(Timestamp::EPOCH), second);
    }

    #[test]
    fn a_real_clock_gives_no_moment_twice() {
        let mut clock = ServiceClock::new(ClockMode::Real);
        let system = Timestamp::EPOCH.plus_seconds(1_000);
        let first = clock.now(system);
        clock.was_read(first, 2);
        let second = clock.now(system.plus(-5));
        assert_eq!(first.at, system);
        assert_eq!(second.at, system.plus(2));
    }

    #[test]
    fn what_is_no_clock_is_named() {
        let said = |text| ClockMode::parse(text, UtcOffset::PAGE).unwrap_err();
        assert_eq!(
            said("noon"),
            "`noon` is no date-time like 2023-05-10T13:37:18.209869+03:00"
        );
        assert_eq!(
            said("2023-05-10,tick=x"),
            "the tick `x` is no number of microseconds"
        );
        assert_eq!(
            said("2023-05-10,tick=-1"),
            "the tick -1 is not between 0 and 86400000000 microseconds"
        );
    }
}
