//! Medians, spreads, and the tables that show them.

use std::fmt::Write as _;
use std::time::Duration;

/// One figure from each round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(pub(crate) Vec<f64>);

impl Rounds {
    /// Returns the value that a share of the rounds does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
            .get(rank(sorted.len(), share))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// Returns the median.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Divides by another measurement, round by round.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }
}

/// Returns the index of the last of a share of sorted values.
fn rank(len: usize, share: f64) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0..len
    let rank = (len as f64 * share) as usize;
    rank.min(len.saturating_sub(1))
}

/// Returns the time that a share of the times does not exceed, milliseconds.
pub(crate) fn percentile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    times
        .get(rank(times.len(), share))
        .map_or(f64::NAN, |&time| millis(time))
}

/// Converts to milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Converts to MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// A target for a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
    /// No target: the figure is only shown.
    Shown,
}

/// A table that is printed row by row.
#[derive(Debug, Default)]
pub(crate) struct Table {
    missed: usize,
}

impl Table {
    /// Prints the head of a table.
    pub(crate) fn titled(title: &str) -> Self {
        println!("\n## {title}\n");
        println!("| what | measured | against | ratio | target | |");
        println!("|---|---|---|---|---|---|");
        Self::default()
    }

    /// Prints the ratio of two things measured in the same rounds, with its target.
    pub(crate) fn ratio(
        &mut self,
        what: &str,
        (measured, against): (&Rounds, &Rounds),
        (unit, name): (&str, &str),
        target: Target,
    ) {
        let ratios = measured.over(against);
        let target = self.judge(ratios.median(), target, "");
        print_row(what, (measured, against), (unit, name), &ratios, &target);
    }

    /// Prints a figure with a target of its own. The ratio is for comparison.
    pub(crate) fn absolute(
        &mut self,
        what: &str,
        (measured, against): (&Rounds, &Rounds),
        (unit, name): (&str, &str),
        target: Target,
    ) {
        let ratios = measured.over(against);
        let target = self.judge(measured.median(), target, unit);
        print_row(what, (measured, against), (unit, name), &ratios, &target);
    }

    fn judge(&mut self, value: f64, target: Target, unit: &str) -> String {
        let (sign, bound, met) = match target {
            Target::AtLeast(bound) => ("≥", bound, value >= bound),
            Target::AtMost(bound) => ("≤", bound, value <= bound),
            Target::Shown => return "| ".to_owned(),
        };
        self.missed += usize::from(!met);
        let verdict = if met { "ok" } else { "**MISSED**" };
        format!("{sign} {bound}{unit} | {verdict}")
    }

    /// Prints the verdict on the targets.
    pub(crate) fn close(self) {
        match self.missed {
            0 => {}
            missed => println!("\n{missed} missed."),
        }
    }
}

fn print_row(
    what: &str,
    (measured, against): (&Rounds, &Rounds),
    (unit, name): (&str, &str),
    ratios: &Rounds,
    target: &str,
) {
    println!(
        "| {what} | {} | {name} {} | {} | {target} |",
        spread(measured, unit),
        spread(against, unit),
        spread(ratios, ""),
    );
}

/// Formats the median, with the least and the greatest value.
fn spread(rounds: &Rounds, unit: &str) -> String {
    let (least, most) = (rounds.quantile(0.0), rounds.quantile(1.0));
    let mut text = short(rounds.median()) + unit;
    if rounds.0.len() > 1 {
        let _ = write!(text, " ({}–{})", short(least), short(most));
    }
    text
}

/// Formats a number with about three digits.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Prints the figures of all rounds.
pub(crate) fn print_raw(what: &str, rounds: &Rounds, unit: &str) {
    let rounds: Vec<String> = rounds.0.iter().map(|&value| short(value)).collect();
    println!("{what:<44} {} {unit}", rounds.join(" "));
}
