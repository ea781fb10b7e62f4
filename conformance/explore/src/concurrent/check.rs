//! The search for an order of a history, call by call. It never enters the same state twice with
//! the same calls done.
//!
//! Source of the search: J. M. Wing, C. Gong, "Testing and verifying concurrent objects", J.
//! Parallel and Distributed Computing 17, 1993; of the memory of states: G. Lowe, "Testing for
//! linearizability", Concurrency and Computation 29(4), 2017.

use std::collections::HashSet;

use super::Event;
use super::model::{Call, PLACES, Rules, Saw, State};

/// The most calls of one history.
const MOST_CALLS: usize = 128;

/// The most states of a search.
const MOST_STATES: usize = 1_000_000;

/// The result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order.
    Ordered,
    /// There is no order.
    Unordered,
    /// The history is too long to decide.
    Undecided,
}

/// Searches for an order that explains the answers under these rules.
pub fn judge(history: &[Event], rules: Rules) -> Verdict {
    if history.len() > MOST_CALLS {
        return Verdict::Undecided;
    }
    let answered: u128 = history
        .iter()
        .enumerate()
        .filter(|(_, event)| event.end.is_some())
        .fold(0, |mask, (at, _)| mask | 1 << at);
    let mut seen: HashSet<(u128, State)> = HashSet::new();
    let mut open: Vec<(u128, State)> = vec![(0, State::default())];
    while let Some((done, state)) = open.pop() {
        if done & answered == answered {
            return Verdict::Ordered;
        }
        if seen.len() > MOST_STATES {
            return Verdict::Undecided;
        }
        // A call that ended before another began comes before it.
        let first_end = history
            .iter()
            .enumerate()
            .filter(|(at, _)| done & 1 << at == 0)
            .filter_map(|(_, event)| event.end)
            .min()
            .unwrap_or(u64::MAX);
        for (at, event) in history.iter().enumerate() {
            if done & 1 << at != 0 || event.start > first_end {
                continue;
            }
            let (next, saw) = state.after(event.call, rules);
            // A call without a known answer may have had any effect, or none.
            let fits = event.saw.is_none_or(|came| came == saw);
            let next = (done | 1 << at, next);
            if fits && seen.insert(next) {
                open.push(next);
            }
        }
    }
    Verdict::Unordered
}

fn has_none(history: &[Event], rules: &[Rules]) -> bool {
    let mut verdicts = rules.iter().map(|rules| judge(history, *rules));
    verdicts.all(|verdict| verdict == Verdict::Unordered)
}

/// Returns the shortest part of a history that still has no order: the calls up to the first answer
/// that nothing explains, without those that are not needed.
pub fn shortest(mut history: Vec<Event>, rules: &[Rules]) -> Vec<Event> {
    history.sort_by_key(|event| event.start);
    let mut ends: Vec<u64> = history.iter().filter_map(|event| event.end).collect();
    ends.sort_unstable();
    ends.dedup();
    // If a part has no order, then neither has a longer one.
    let (mut least, mut most) = (0, ends.len().saturating_sub(1));
    while least < most {
        let middle = usize::midpoint(least, most);
        if has_none(&until(&history, ends[middle]), rules) {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    let mut part = match ends.get(most) {
        Some(end) => until(&history, *end),
        None => history,
    };
    // A call that changed nothing can be left out: an order with it is also one without it.
    let mut at = 0;
    while at < part.len() {
        let changed_nothing = matches!(
            part[at].saw,
            Some(Saw::Rows(_) | Saw::Exists | Saw::Reported | Saw::Missing)
        );
        if changed_nothing {
            let mut fewer = part.clone();
            fewer.remove(at);
            if has_none(&fewer, rules) {
                part = fewer;
                continue;
            }
        }
        at += 1;
    }
    at_one_place(part, rules)
}

/// Reduces a history to one place, if no call lists all places. A history has an order exactly if
/// that of each place has one.
fn at_one_place(part: Vec<Event>, rules: &[Rules]) -> Vec<Event> {
    if part.iter().any(|event| event.call == Call::Look) {
        return part;
    }
    for place in 0..PLACES {
        let at_place = part.iter().filter(|event| event.call.place() == place);
        let at_place: Vec<Event> = at_place.cloned().collect();
        if at_place.len() < part.len() && has_none(&at_place, rules) {
            return at_place;
        }
    }
    part
}

/// Returns a history as it was known at a moment: calls under way have no answer yet.
fn until(history: &[Event], moment: u64) -> Vec<Event> {
    let begun = history.iter().filter(|event| event.start <= moment);
    begun
        .map(|event| {
            let mut event = event.clone();
            if event.end.is_none_or(|end| end > moment) {
                event.end = None;
                event.saw = None;
            }
            event
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::Row;
    use super::*;
    use whippy_engine::profile::Profile;

    fn event(client: usize, call: Call, saw: Saw, (start, end): (u64, u64)) -> Event {
        Event {
            client,
            call,
            saw: Some(saw),
            start,
            end: Some(end),
            exchange: None,
        }
    }

    fn stock(reserved: i64) -> Saw {
        Saw::Stock(Row { stock: 5, reserved })
    }

    const CREATE: Call = Call::Create { place: 0, stock: 5 };
    const INCREASE: Call = Call::Increase {
        place: 0,
        date: None,
    };
    const DATED: Call = Call::Increase {
        place: 0,
        date: Some(1),
    };

    #[track_caller]
    fn judged(history: &[Event], expected: Verdict) {
        let rules = Rules::of(&Profile::default());
        assert_eq!(judge(history, rules), expected);
    }

    #[test]
    fn calls_at_once_may_have_come_in_any_order() {
        let history = [
            event(0, CREATE, stock(0), (0, 1)),
            event(1, INCREASE, stock(2), (2, 9)),
            event(2, INCREASE, stock(1), (3, 8)),
        ];
        judged(&history, Verdict::Ordered);
    }

    #[test]
    fn calls_one_after_the_other_came_in_that_order() {
        let history = [
            event(0, CREATE, stock(0), (0, 1)),
            event(1, INCREASE, stock(2), (2, 4)),
            event(2, INCREASE, stock(1), (5, 8)),
        ];
        judged(&history, Verdict::Unordered);
    }

    #[test]
    fn a_lost_update_has_no_order() {
        let history = [
            event(0, CREATE, stock(0), (0, 1)),
            event(1, INCREASE, stock(1), (2, 9)),
            event(2, INCREASE, stock(1), (3, 8)),
        ];
        judged(&history, Verdict::Unordered);
    }

    #[test]
    fn one_date_counts_once() {
        let history = |second| {
            [
                event(0, CREATE, stock(0), (0, 1)),
                event(1, DATED, stock(1), (2, 9)),
                event(2, DATED, second, (3, 8)),
            ]
        };
        judged(&history(Saw::Reported), Verdict::Ordered);
        judged(&history(stock(2)), Verdict::Unordered);
    }

    #[test]
    fn what_got_no_answer_may_have_been_carried_out_or_not() {
        let mut lost = event(1, INCREASE, stock(1), (2, 3));
        lost.saw = None;
        lost.end = None;
        for reserved in [0, 1] {
            let rows = Saw::Rows([Some(Row { stock: 5, reserved }), None]);
            let history = [
                event(0, CREATE, stock(0), (0, 1)),
                lost.clone(),
                event(0, Call::Look, rows, (10, 11)),
            ];
            judged(&history, Verdict::Ordered);
        }
    }

    #[test]
    fn a_broken_history_is_cut_to_what_breaks_it() {
        let rows = |reserved| Saw::Rows([Some(Row { stock: 5, reserved }), None]);
        let history = vec![
            event(0, CREATE, stock(0), (0, 1)),
            event(1, Call::Look, rows(0), (2, 3)),
            event(1, INCREASE, stock(1), (4, 9)),
            event(2, INCREASE, stock(1), (5, 8)),
            event(0, Call::Look, rows(1), (10, 11)),
            event(0, INCREASE, stock(2), (12, 13)),
        ];
        let rules = [Rules::of(&Profile::default())];
        let calls: Vec<_> = shortest(history, &rules)
            .iter()
            .map(|event| event.call.kind())
            .collect();
        assert_eq!(calls, ["create", "increase", "increase"]);
    }
}
