//! One SKU in a sequential service: at most one stock at each of two places, its reserved quantity,
//! and the dates that were applied.

use whippy_engine::profile::{AlreadyReported, DecreaseAtZero, Profile, ReservationWithoutStock};

/// The number of places at which a SKU may have a stock.
pub const PLACES: usize = 2;

/// A client's call. Dates are numbers from 0: the even ones are long past, the odd ones in the far
/// future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Creates a stock.
    Create {
        /// The place.
        place: usize,
        /// The quantity.
        stock: i64,
    },
    /// Reserves one more.
    Increase {
        /// The place.
        place: usize,
        /// The date.
        date: Option<usize>,
    },
    /// Releases one.
    Decrease {
        /// The place.
        place: usize,
        /// The date.
        date: Option<usize>,
    },
    /// Upserts a quantity.
    Upsert {
        /// The place.
        place: usize,
        /// The quantity.
        stock: i64,
    },
    /// Lists all stocks of the SKU.
    Look,
}

impl Call {
    /// Returns the operation in a word.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Increase { .. } => "increase",
            Self::Decrease { .. } => "decrease",
            Self::Upsert { .. } => "upsert",
            Self::Look => "look",
        }
    }

    /// Returns the date of a reservation.
    pub fn date(self) -> Option<usize> {
        match self {
            Self::Increase { date, .. } | Self::Decrease { date, .. } => date,
            _ => None,
        }
    }

    /// Returns the place; the first one for a call that lists all.
    pub fn place(self) -> usize {
        match self {
            Self::Create { place, .. }
            | Self::Increase { place, .. }
            | Self::Decrease { place, .. }
            | Self::Upsert { place, .. } => place,
            Self::Look => 0,
        }
    }
}

/// A stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// `stock`.
    pub stock: i64,
    /// `reserved_stock`.
    pub reserved: i64,
}

/// The content of an answer, as far as the model knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saw {
    /// 201 and the stock.
    Stock(Row),
    /// The stock exists already.
    Exists,
    /// 208: the reservation was already reported.
    Reported,
    /// 404: there is no such stock.
    Missing,
    /// The upsert was carried out.
    Done,
    /// The stocks at each place.
    Rows([Option<Row>; PLACES]),
    /// A status that the model never gives.
    Other(u16),
    /// The call was refused before it was carried out, as one of too many.
    NotTaken,
}

impl Saw {
    /// Returns a word, or the status.
    pub fn kind(&self) -> String {
        match self {
            Self::Stock(_) => "201".to_owned(),
            Self::Exists => "400".to_owned(),
            Self::Reported => "208".to_owned(),
            Self::Missing => "404".to_owned(),
            Self::Done | Self::Rows(_) => "200".to_owned(),
            Self::Other(status) => status.to_string(),
            Self::NotTaken => "429".to_owned(),
        }
    }
}

/// The readings of the page that decide about reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The condition under which a reservation is a duplicate.
    pub already_reported: AlreadyReported,
    /// The result of a decrease with nothing reserved.
    pub decrease_at_zero: DecreaseAtZero,
    /// The result of a reservation without a stock.
    pub without_stock: ReservationWithoutStock,
}

impl Rules {
    /// Returns the rules of a profile.
    pub fn of(profile: &Profile) -> Self {
        Self {
            already_reported: profile.already_reported,
            decrease_at_zero: profile.decrease_at_zero,
            without_stock: profile.reservation_without_stock,
        }
    }

    /// Returns all combinations that the page allows. The provider here accepts reservations, so
    /// choices that differ only for one that does not are left out.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for already_reported in [
            AlreadyReported::ReplayedDate,
            AlreadyReported::StaleDate,
            AlreadyReported::Never,
        ] {
            for decrease_at_zero in [
                DecreaseAtZero::AlreadyReported,
                DecreaseAtZero::Floor,
                DecreaseAtZero::Negative,
            ] {
                for without_stock in [
                    ReservationWithoutStock::NotFound,
                    ReservationWithoutStock::AlreadyReported,
                ] {
                    all.push(Self {
                        already_reported,
                        decrease_at_zero,
                        without_stock,
                    });
                }
            }
        }
        all
    }
}

/// The state of a SKU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    rows: [Option<Row>; PLACES],
    /// A bit for each direction, place and date that was applied.
    applied: u32,
}

impl State {
    /// Carries out a call; returns the state after it, and the answer.
    pub fn after(mut self, call: Call, rules: Rules) -> (Self, Saw) {
        match call {
            Call::Create { place, stock } => {
                if self.rows[place].is_some() {
                    return (self, Saw::Exists);
                }
                let row = Row { stock, reserved: 0 };
                self.rows[place] = Some(row);
                (self, Saw::Stock(row))
            }
            Call::Upsert { place, stock } => {
                let reserved = self.rows[place].map_or(0, |row| row.reserved);
                self.rows[place] = Some(Row { stock, reserved });
                (self, Saw::Done)
            }
            Call::Look => (self, Saw::Rows(self.rows)),
            Call::Increase { place, date } => self.reserve(place, date, 1, rules),
            Call::Decrease { place, date } => self.reserve(place, date, -1, rules),
        }
    }

    fn reserve(mut self, place: usize, date: Option<usize>, by: i64, rules: Rules) -> (Self, Saw) {
        let Some(mut row) = self.rows[place] else {
            let saw = match rules.without_stock {
                ReservationWithoutStock::NotFound => Saw::Missing,
                ReservationWithoutStock::AlreadyReported => Saw::Reported,
            };
            return (self, saw);
        };
        let bit = date.map_or(0, |date| {
            1 << ((date * PLACES + place) * 2 + usize::from(by > 0))
        });
        let is_reported = match rules.already_reported {
            AlreadyReported::ReplayedDate => self.applied & bit != 0,
            AlreadyReported::StaleDate => date.is_some_and(|date| date % 2 == 0),
            AlreadyReported::ProviderOptedOut | AlreadyReported::Never => false,
        };
        if is_reported {
            return (self, Saw::Reported);
        }
        if by < 0 && row.reserved <= 0 {
            match rules.decrease_at_zero {
                DecreaseAtZero::AlreadyReported => return (self, Saw::Reported),
                DecreaseAtZero::Floor => {}
                DecreaseAtZero::Negative => row.reserved -= 1,
            }
        } else {
            row.reserved += by;
        }
        self.rows[place] = Some(row);
        self.applied |= bit;
        (self, Saw::Stock(row))
    }
}
