//! The service's clock: a real one, one that runs at another speed, or a fixed one that
//! advances by a tick whenever it is read.
//!
//! The system's time is an argument, so nothing here waits or asks for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::Now;
use crate::model::time::{Timestamp, UtcOffset};

/// The largest tick in microseconds: one day.
const MAX_TICK: i64 = 86_400_000_000;

/// The most seconds by which a clock may be advanced at once: ten years.
pub const MAX_ADVANCE: f64 = 315_360_000.0;

/// The slowest and the fastest speed of a clock, in thousandths of real time: at most a day a
/// second.
const SPEEDS: std::ops::RangeInclusive<i64> = 1..=86_400_000;

/// The mode of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    /// The system's time.
    Real,
    /// A fixed moment that advances whenever it is read.
    Fixed {
        /// The moment that the next reading gives.
        now: Timestamp,
        /// The microseconds from one reading to the next.
        tick: i64,
    },
    /// Time that passes faster or slower.
    Running {
        /// The clock's moment when it was set.
        now: Timestamp,
        /// The system's time when the clock was set.
        since: Timestamp,
        /// The speed in thousandths of real time.
        speed: i64,
    },
}

/// Reasons why a clock cannot be set.
#[derive(Debug, Clone, PartialEq)]
pub enum ClockError {
    /// A text is not a date-time.
    Moment(String),
    /// The tick is not a number.
    TickText(String),
    /// The tick is out of bounds; microseconds.
    Tick(i64),
    /// The speed is out of bounds; a multiple of real time.
    Speed(f64),
    /// The speed of a recorded clock is out of bounds; thousandths of real time.
    RecordedSpeed(i64),
    /// A recorded moment is out of bounds; microseconds since 1970.
    RecordedMoment(i64),
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moment(text) => write!(
                f,
                "`{text}` is no date-time like 2023-05-10T13:37:18.209869+03:00"
            ),
            Self::TickText(text) => write!(f, "the tick `{text}` is no number of microseconds"),
            Self::Tick(tick) => write!(
                f,
                "the tick {tick} is not between 0 and {MAX_TICK} microseconds"
            ),
            Self::Speed(times) => write!(f, "the speed {times} is not between 0.001 and 86400"),
            Self::RecordedSpeed(speed) => write!(f, "{speed} is no speed in thousandths"),
            Self::RecordedMoment(micros) => {
                write!(f, "{micros} is no moment of the years 1 to 9999")
            }
        }
    }
}

impl std::error::Error for ClockError {}

impl ClockMode {
    /// Parses `real` or `TIMESTAMP[,tick=MICROSECONDS]`.
    pub fn parse(text: &str, local: UtcOffset) -> Result<Self, ClockError> {
        if text == "real" {
            return Ok(Self::Real);
        }
        let (moment, tick) = match text.split_once(",tick=") {
            Some((moment, tick)) => (moment, Some(tick)),
            None => (text, None),
        };
        let now = Timestamp::parse(moment, local);
        let now = now.map_err(|_| ClockError::Moment(moment.to_owned()))?;
        let tick = match tick {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| ClockError::TickText(text.to_owned()))?,
        };
        Self::fixed(now, tick)
    }

    /// A fixed clock with a tick in microseconds.
    pub fn fixed(now: Timestamp, tick: i64) -> Result<Self, ClockError> {
        if (0..=MAX_TICK).contains(&tick) {
            Ok(Self::Fixed { now, tick })
        } else {
            Err(ClockError::Tick(tick))
        }
    }

    /// A clock that starts at `now` when the system's time is `since`, and runs `times` as
    /// fast.
    pub fn running(now: Timestamp, since: Timestamp, times: f64) -> Result<Self, ClockError> {
        #[allow(clippy::cast_possible_truncation)] // A saturated speed is refused.
        let speed = (times * 1e3).round() as i64;
        if SPEEDS.contains(&speed) {
            Ok(Self::Running { now, since, speed })
        } else {
            Err(ClockError::Speed(times))
        }
    }
}

/// A clock. Serialized as JSON, it continues from where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "ClockRecord", into = "ClockRecord")]
pub struct ServiceClock {
    mode: ClockMode,
    /// The microseconds by which a real clock was advanced.
    ahead: i64,
    /// The last moment that a real or running clock gave. The next one is always later, even if
    /// the system's time steps back.
    last: Timestamp,
}

/// A clock as JSON. All numbers are microseconds, those of moments since 1970 in UTC.
#[derive(Deserialize, Serialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
enum ClockRecord {
    Real {
        ahead: i64,
        last: i64,
    },
    Fixed {
        now: i64,
        tick: i64,
    },
    Running {
        now: i64,
        since: i64,
        speed: i64,
        last: i64,
    },
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
            ClockMode::Running { now, since, speed } => Self::Running {
                now: now.micros(),
                since: since.micros(),
                speed,
                last: clock.last.micros(),
            },
        }
    }
}

impl TryFrom<ClockRecord> for ServiceClock {
    type Error = ClockError;

    fn try_from(record: ClockRecord) -> Result<Self, ClockError> {
        let moment =
            |micros| Timestamp::from_micros(micros).ok_or(ClockError::RecordedMoment(micros));
        Ok(match record {
            ClockRecord::Real { ahead, last } => Self {
                mode: ClockMode::Real,
                ahead,
                last: moment(last)?,
            },
            ClockRecord::Fixed { now, tick } => Self::new(ClockMode::fixed(moment(now)?, tick)?),
            ClockRecord::Running {
                now,
                since,
                speed,
                last,
            } => {
                if !SPEEDS.contains(&speed) {
                    return Err(ClockError::RecordedSpeed(speed));
                }
                let (now, since) = (moment(now)?, moment(since)?);
                Self {
                    mode: ClockMode::Running { now, since, speed },
                    ahead: 0,
                    last: moment(last)?,
                }
            }
        })
    }
}

impl ServiceClock {
    /// A clock that has not been read yet.
    pub fn new(mode: ClockMode) -> Self {
        Self {
            mode,
            ahead: 0,
            last: Timestamp::EPOCH,
        }
    }

    /// The mode, with the current moment of a fixed clock.
    pub fn mode(&self) -> ClockMode {
        self.mode
    }

    /// The next reading and the tick, at a moment of the system's time.
    pub fn now(&self, system: Timestamp) -> Now {
        match self.mode {
            ClockMode::Real => Now {
                at: system.plus(self.ahead).max(self.last.plus(1)),
                tick: 1,
            },
            ClockMode::Fixed { now, tick } => Now { at: now, tick },
            ClockMode::Running { now, since, speed } => {
                let passed = i128::from(system.micros() - since.micros()) * i128::from(speed);
                let passed = i64::try_from(passed / 1000).unwrap_or(i64::MAX);
                let at = now.plus(passed).max(self.last.plus(1));
                Now { at, tick: 1 }
            }
        }
    }

    /// Records that the clock was read `reads` times, beginning with `from`.
    pub fn was_read(&mut self, from: Now, reads: u64) {
        let Some(last) = reads.checked_sub(1) else {
            return;
        };
        let ticks = |count: u64| {
            from.tick
                .saturating_mul(i64::try_from(count).unwrap_or(i64::MAX))
        };
        match &mut self.mode {
            ClockMode::Real | ClockMode::Running { .. } => self.last = from.at.plus(ticks(last)),
            ClockMode::Fixed { now, .. } => *now = from.at.plus(ticks(reads)),
        }
    }

    /// Advances the clock by so many microseconds.
    pub fn advance(&mut self, micros: i64) {
        match &mut self.mode {
            ClockMode::Real => self.ahead = self.ahead.saturating_add(micros),
            ClockMode::Fixed { now, .. } | ClockMode::Running { now, .. } => {
                *now = now.plus(micros);
            }
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
    fn a_running_clock_keeps_its_speed_and_gives_no_moment_twice() {
        let (start, system) = (Timestamp::EPOCH.plus_seconds(1_000), Timestamp::EPOCH);
        let mut clock = ServiceClock::new(ClockMode::running(start, system, 60.0).unwrap());
        let later = clock.now(system.plus_seconds(2));
        assert_eq!(later.at, start.plus_seconds(120));
        clock.was_read(later, 1);
        assert_eq!(clock.now(system).at, later.at.plus(1));
        clock.advance(5_000_000);
        assert_eq!(
            clock.now(system.plus_seconds(2)).at,
            start.plus_seconds(125)
        );
        let record = serde_json::to_string(&clock).unwrap();
        assert_eq!(
            serde_json::from_str::<ServiceClock>(&record).unwrap(),
            clock
        );
        for speed in [0.0, -1.0, 86_400.1, f64::NAN] {
            assert!(ClockMode::running(start, system, speed).is_err());
        }
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
        let said = |text| {
            let error = ClockMode::parse(text, UtcOffset::PAGE).unwrap_err();
            error.to_string()
        };
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
