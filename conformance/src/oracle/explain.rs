//! The search for a profile that explains what came.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use whippy_mock::endpoints::call::Settings;
use whippy_mock::profile::{Accepts, Decided, Profile, Reading};

use super::{Answered, Game, Line, Oracle, Witness, settings};
use crate::steps::{Names, Step};

/// How many profiles are carried on from one round of changes to the next.
const BREADTH: usize = 6;

/// The most choices that are changed at once.
const DEPTH: usize = Reading::ALL.len();

/// How many rounds of changes may get no further: two choices may tell only together.
const PATIENCE: usize = 1;

/// The most profiles that are tried.
const MOST_TRIALS: usize = 4_000;

/// The length of a column that takes more than the default, where nothing says how much
/// more: one will do, as no sequence tries the others.
const USUAL_LENGTHS: [u32; 1] = [255];

/// The most profiles that are candidates at once.
const MOST_CANDIDATES: usize = 24;

/// How far a profile explains what was seen.
struct Trial {
    settings: Arc<Settings>,
    /// Whether it explains the sequence under way, and how many steps before it fails.
    progress: (bool, usize),
    decided: Decided,
    line: Option<Line>,
}

impl Oracle {
    /// The lines of the profiles that explain a sequence so far, and all that is known of
    /// earlier ones; none: nothing explains it.
    pub(super) fn explain(&mut self, game: &Game<'_>, refuted: &[Line]) -> Vec<Line> {
        let mut tried: HashSet<String> = HashSet::new();
        let mut layer: Vec<Trial> = Vec::new();
        for line in refuted {
            tried.insert(line.settings.profile.to_toml());
            layer.push(Trial {
                settings: Arc::clone(&line.settings),
                progress: (false, game.answers.len() - 1),
                decided: line.decided,
                line: None,
            });
        }
        let hints = hints(game.answers.last());
        let mut furthest = (false, game.answers.len() - 1);
        let mut idle = 0;
        for _ in 0..DEPTH {
            let mut next: Vec<Trial> = Vec::new();
            for trial in &layer {
                for profile in self.changed(trial, game, &hints) {
                    if tried.len() >= MOST_TRIALS || !tried.insert(profile.to_toml()) {
                        continue;
                    }
                    let candidate = settings(profile, self.ground.local);
                    next.push(self.trial(candidate, game));
                }
            }
            let (found, mut rest): (Vec<_>, Vec<_>) =
                next.into_iter().partition(|trial| trial.line.is_some());
            if !found.is_empty() {
                let lines = found.into_iter().filter_map(|trial| trial.line);
                return lines.take(MOST_CANDIDATES).collect();
            }
            rest.sort_by_key(|trial| std::cmp::Reverse(trial.progress));
            rest.truncate(BREADTH);
            match rest.first() {
                Some(best) if best.progress > furthest => {
                    furthest = best.progress;
                    idle = 0;
                }
                Some(_) if idle < PATIENCE => idle += 1,
                _ => break,
            }
            layer = rest;
        }
        Vec::new()
    }

    /// The profiles that differ in one reading that may have had a say.
    fn changed(&self, trial: &Trial, game: &Game<'_>, hints: &[u32]) -> Vec<Profile> {
        let profile = &trial.settings.profile;
        let mut changed = Vec::new();
        let played = &game.steps[..game.answers.len()];
        let had_a_say = |reading: Reading| {
            trial.decided.iter().any(|decided| decided == reading)
                || quietly_decides(reading, played)
        };
        let open = Reading::ALL
            .iter()
            .filter(|reading| had_a_say(**reading) && !self.held.contains(reading.id()));
        for reading in open {
            let current = profile.choice(*reading);
            let choices: Vec<String> = match reading.accepts() {
                Accepts::Choices(choices) => choices.iter().map(ToString::to_string).collect(),
                Accepts::Number { least, most } => {
                    let usual: &[u32] = match reading {
                        Reading::SkuLength => &USUAL_LENGTHS,
                        _ => &[],
                    };
                    let numbers = hints.iter().chain(usual);
                    let numbers = numbers.filter(|number| (least..=most).contains(number));
                    numbers.map(ToString::to_string).collect()
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

    fn trial(&mut self, candidate: Arc<Settings>, game: &Game<'_>) -> Trial {
        let (line, steps) = self.replay(&candidate, game.steps, game.names, &game.answers);
        let mut trial = Trial {
            settings: candidate,
            progress: (false, steps),
            decided: line.decided,
            line: None,
        };
        if steps < game.answers.len() {
            return trial;
        }
        let witnesses = self.witnesses.clone();
        let mut passed = 0;
        for witness in &witnesses {
            let Witness {
                steps,
                names,
                answers,
            } = &**witness;
            let (seen, steps) = self.replay(&trial.settings, steps, names, answers);
            passed += steps;
            if steps < answers.len() {
                trial.decided = trial.decided.union(seen.decided);
                trial.progress = (true, passed);
                return trial;
            }
        }
        trial.progress = (true, passed);
        trial.line = Some(line);
        trial
    }

    /// Plays a candidate against answers that came; how many steps it explains.
    fn replay(
        &mut self,
        candidate: &Arc<Settings>,
        steps: &[Step],
        names: &Names,
        answers: &[Answered],
    ) -> (Line, usize) {
        let mut line = self.line(candidate);
        for (at, (step, answered)) in steps.iter().zip(answers).enumerate() {
            if line.play(self, names, (at, step), None, answered).is_err() {
                return (line, at);
            }
        }
        (line, answers.len())
    }
}

/// A reading that had a say without saying so: that a first reservation counts is no
/// word of what makes one a duplicate, until another choice would have it one.
fn quietly_decides(reading: Reading, steps: &[Step]) -> bool {
    use crate::steps::Operation::{Active, ActiveAlias, Create, Decrease, Increase, List, Upsert};
    let last = steps.last().map(|step| step.operation);
    match reading {
        Reading::AlreadyReported | Reading::ReservationArguments => steps
            .iter()
            .any(|step| matches!(step.operation, Increase | Decrease)),
        Reading::PageSize | Reading::PageLimit => {
            matches!(last, Some(List | Active | ActiveAlias))
        }
        Reading::SkuLength | Reading::UnknownPlace => matches!(last, Some(Create | Upsert)),
        _ => false,
    }
}

/// Numbers that an answer gives away: how many rows a page has, and what a sentence says.
fn hints(answered: Option<&Answered>) -> Vec<u32> {
    let mut hints = Vec::new();
    let Some(body) = answered.and_then(|answered| answered.body.as_ref()) else {
        return hints;
    };
    if let Some(rows) = body.get("results").and_then(Value::as_array) {
        hints.extend(u32::try_from(rows.len()).ok());
    }
    if answered.is_some_and(|answered| answered.status == 400) {
        let text = body.to_string();
        let words = text.split(|c: char| !c.is_ascii_digit());
        hints.extend(words.filter_map(|word| word.parse::<u32>().ok()).take(4));
    }
    hints
}
