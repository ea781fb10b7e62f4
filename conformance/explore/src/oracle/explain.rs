//! The search for a profile that explains the answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::profile::{Accepts, Decided, Profile, Reading};

use super::{Answered, Game, Line, Oracle, Witness, settings};
use crate::steps::{Names, Step};

/// The most profiles that are tried.
const MOST_TRIALS: usize = 4_000;

/// The most profiles that are candidates at the same time.
const MOST_CANDIDATES: usize = 24;

/// The rank of a profile to continue from: first the one that explains most, then the one with the
/// fewest changes since the beginning of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    explained: Reverse<Explained>,
    changes: usize,
    /// The number of the attempt.
    number: usize,
}

/// The part of the answers that a profile explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Explained {
    /// Is true if it explains the present sequence.
    is_under_way: bool,
    /// The number of steps that it explains: of that sequence, or of the earlier ones.
    steps: usize,
}

/// A profile that explains only a part of the answers.
struct Partial {
    settings: Arc<Settings>,
    /// The readings that may have influenced the point where it fails.
    open: Decided,
    /// The earlier sequence that it does not explain, if it fails there.
    witness: Option<Arc<Witness>>,
}

/// The result of trying a profile.
enum Trial {
    Explains(Box<Line>),
    Fails(Explained, Partial),
}

impl Oracle {
    /// Returns the lines of the profiles that explain a sequence so far, and all earlier ones;
    /// empty if nothing explains it.
    ///
    /// The search starts from the refuted profiles, the best first, and changes one reading at a
    /// time. All profiles returned have the same number of changes.
    pub(super) fn explain(&mut self, game: &Game<'_>, refuted: &[Line]) -> Vec<Line> {
        let played = &game.steps[..game.answers.len()];
        let mut tried: HashSet<String> = HashSet::new();
        let mut queue: BTreeMap<Rank, Partial> = BTreeMap::new();
        let mut furthest = Explained {
            is_under_way: false,
            steps: game.answers.len() - 1,
        };
        for line in refuted {
            tried.insert(line.settings.profile.to_toml());
            let rank = Rank {
                explained: Reverse(furthest),
                changes: 0,
                number: tried.len(),
            };
            let partial = Partial {
                settings: Arc::clone(&line.settings),
                open: line.decided.union(quietly_decide(played)),
                witness: None,
            };
            queue.insert(rank, partial);
        }
        let mut last_gain = tried.len();
        while let Some((rank, partial)) = queue.pop_first() {
            let mut found = Vec::new();
            for profile in self.changed(&partial, game) {
                if tried.len() >= MOST_TRIALS || tried.len() - last_gain > self.patience {
                    break;
                }
                if !tried.insert(profile.to_toml()) {
                    continue;
                }
                match self.trial(profile, game) {
                    Trial::Explains(line) => found.push(*line),
                    Trial::Fails(explained, partial) => {
                        if explained > furthest {
                            furthest = explained;
                            last_gain = tried.len();
                        }
                        let rank = Rank {
                            explained: Reverse(explained),
                            changes: rank.changes + 1,
                            number: tried.len(),
                        };
                        queue.insert(rank, partial);
                    }
                }
            }
            if !found.is_empty() {
                found.truncate(MOST_CANDIDATES);
                return found;
            }
        }
        Vec::new()
    }

    /// Returns the profiles that differ in one reading that may have had an influence.
    fn changed(&self, partial: &Partial, game: &Game<'_>) -> Vec<Profile> {
        let profile = &partial.settings.profile;
        let mut hints = Hints::default();
        hints.add(&game.answers);
        if let Some(witness) = &partial.witness {
            hints.add(&witness.answers);
        }
        let mut changed = Vec::new();
        for reading in partial.open.iter() {
            if self.held.contains(reading.id()) {
                continue;
            }
            let current = profile.choice(reading);
            let choices: Vec<String> = match reading.accepts() {
                Accepts::Choices(choices) => choices.iter().map(ToString::to_string).collect(),
                Accepts::Number { least, most } => {
                    let numbers = hints.numbers(reading);
                    let numbers = numbers.filter(|number| (least..=most).contains(number));
                    numbers.map(|number| number.to_string()).collect()
                }
            };
            for choice in choices.into_iter().filter(|choice| *choice != current) {
                let mut other = profile.clone();
                if other.set(reading.id(), &choice).is_ok() {
                    changed.push(other);
                }
            }
        }
        changed
    }

    /// Compares a profile with the present sequence, and then with the earlier ones.
    fn trial(&mut self, profile: Profile, game: &Game<'_>) -> Trial {
        let candidate = settings(profile, self.start.local);
        let (line, steps) = self.replay(&candidate, game.steps, game.names, &game.answers);
        if steps < game.answers.len() {
            let explained = Explained {
                is_under_way: false,
                steps,
            };
            let partial = Partial {
                open: line.decided.union(quietly_decide(&game.steps[..=steps])),
                settings: candidate,
                witness: None,
            };
            return Trial::Fails(explained, partial);
        }
        let witnesses = self.witnesses.clone();
        let mut passed = 0;
        for witness in witnesses {
            let (seen, steps) =
                self.replay(&candidate, &witness.steps, &witness.names, &witness.answers);
            passed += steps;
            if steps < witness.answers.len() {
                let explained = Explained {
                    is_under_way: true,
                    steps: passed,
                };
                let quiet = quietly_decide(&witness.steps[..=steps]);
                let partial = Partial {
                    settings: candidate,
                    open: line.decided.union(seen.decided).union(quiet),
                    witness: Some(witness),
                };
                return Trial::Fails(explained, partial);
            }
        }
        Trial::Explains(Box::new(line))
    }

    /// Plays a candidate against recorded answers; returns the number of steps it explains.
    fn replay(
        &mut self,
        candidate: &Arc<Settings>,
        steps: &[Step],
        names: &Names,
        answers: &[Answered],
    ) -> (Line, usize) {
        let mut line = self.line(candidate);
        for (at, (step, answered)) in steps.iter().zip(answers).enumerate() {
            let played = line.play(self, names, (at, step), None, answered);
            // A candidate that loses track of the target's state explains no further step.
            if played.is_err() || line.is_adrift {
                return (line, at);
            }
        }
        (line, answers.len())
    }
}

/// Returns readings that may influence answers unnoticed. For example, that a first reservation
/// counts does not mention duplicates, although another choice would make it one.
fn quietly_decide(steps: &[Step]) -> Decided {
    use crate::steps::Operation::{Active, ActiveAlias, Create, Decrease, Increase, List, Upsert};
    let reserves = |step: &Step| matches!(step.operation, Increase | Decrease);
    let by_last: &[Reading] = match steps.last().map(|step| step.operation) {
        Some(List | Active | ActiveAlias) => &[Reading::PageSize, Reading::PageLimit],
        Some(Create | Upsert) => &[Reading::SkuLength, Reading::UnknownPlace],
        _ => &[],
    };
    let by_any: &[Reading] = if steps.iter().any(reserves) {
        &[Reading::AlreadyReported, Reading::ReservationArguments]
    } else {
        &[]
    };
    let quiet = by_last.iter().chain(by_any);
    quiet.fold(Decided::default(), |quiet, reading| quiet.and(*reading))
}

/// The most numbers of one kind that are taken from answers.
const MOST_HINTS: usize = 8;

/// The length of a column that is longer than the default, where no answer tells it. Any such
/// number will do, since no sequence tries others.
const USUAL_LENGTH: u32 = 255;

/// The words before the length of a column where a text is refused.
/// Source: the framework's `CharField`, "Ensure this field has no more than …".
const MOST_CHARACTERS: &str = "no more than ";

/// Numbers found in answers.
#[derive(Debug, Default)]
struct Hints {
    /// The lengths of pages, those of the last answer first.
    rows: Vec<u32>,
    /// The longest texts, as stated in refusals.
    said: Vec<u32>,
}

impl Hints {
    fn add(&mut self, answers: &[Answered]) {
        let keep = |numbers: &mut Vec<u32>, number: u32| {
            if numbers.len() < MOST_HINTS && !numbers.contains(&number) {
                numbers.push(number);
            }
        };
        for answered in answers.iter().rev() {
            let Some(body) = &answered.body else {
                continue;
            };
            if let Some(rows) = body.get("results").and_then(Value::as_array) {
                let sizes = [Some(rows.len()), size_of_those_before(body, rows.len())];
                for size in sizes.into_iter().flatten() {
                    if let Ok(size) = u32::try_from(size) {
                        keep(&mut self.rows, size);
                    }
                }
                continue;
            }
            let text = body.to_string();
            for after in text.split(MOST_CHARACTERS).skip(1) {
                let digits = after.split(|c: char| !c.is_ascii_digit()).next();
                if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
                    keep(&mut self.said, number);
                }
            }
        }
    }

    /// Returns the numbers that a reading may have.
    fn numbers(&self, reading: Reading) -> impl Iterator<Item = u32> {
        let (numbers, usual) = match reading {
            Reading::SkuLength => (&self.said, Some(USUAL_LENGTH)),
            _ => (&self.rows, None),
        };
        numbers.iter().copied().chain(usual)
    }
}

/// Returns the number of rows on each page before the last one.
fn size_of_those_before(page: &Value, rows: usize) -> Option<usize> {
    let previous = page["previous"].as_str()?;
    let query = previous.split_once('?').map_or("", |(_, query)| query);
    let number = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("page="))
        // The link to the first page has no number.
        .map_or(Some(1), |number| number.parse().ok())?;
    let count = usize::try_from(page["count"].as_u64()?).ok()?;
    count.checked_sub(rows)?.checked_div(number)
}
