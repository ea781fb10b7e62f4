//! Counts of answered requests, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use whippy_engine::engine::Rule;

/// The upper bounds of the histogram, seconds.
const BOUNDS: [f64; 10] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 1.0, 10.0,
];

/// Counts and durations of exchanges since the server started, by operation, rule and status.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<BTreeMap<Kind, Tally>>);

/// Operation, rule and status; status 0 stands for no answer. All three come from tables, so the
/// number of kinds is bounded.
type Kind = (&'static str, &'static str, u16);

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    count: u64,
    seconds: f64,
    /// Exchanges that took at most as long as each of [`BOUNDS`].
    within: [u64; BOUNDS.len()],
}

impl Metrics {
    /// Counts an exchange.
    pub fn count(&self, rule: Option<Rule>, status: u16, took: Duration) {
        let (operation, name) = rule.map_or(("unanswered", "unanswered"), |rule| {
            (rule.operation, rule.name)
        });
        let seconds = took.as_secs_f64();
        // A panic under this lock leaves at worst one exchange half counted.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = kinds.entry((operation, name, status)).or_default();
        tally.count += 1;
        tally.seconds += seconds;
        let first = BOUNDS.partition_point(|bound| *bound < seconds);
        for within in &mut tally.within[first..] {
            *within += 1;
        }
    }

    /// The text that Prometheus reads, with gauges beside the counts.
    pub fn text(&self, gauges: &[(&str, &str, f64)]) -> String {
        let kinds = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut out = String::new();
        for (name, help, value) in gauges {
            let _ = write!(
                out,
                "# HELP whippy_mock_{name} {help}\n# TYPE whippy_mock_{name} gauge\n\
                 whippy_mock_{name} {value}\n"
            );
        }
        out.push_str(
            "# HELP whippy_mock_requests_total Requests of the API, by what decided the answer.\n\
             # TYPE whippy_mock_requests_total counter\n",
        );
        for ((operation, rule, status), tally) in &kinds {
            let _ = writeln!(
                out,
                "whippy_mock_requests_total{{operation=\"{operation}\",rule=\"{rule}\",status=\"{status}\"}} {}",
                tally.count
            );
        }
        let mut by_operation: BTreeMap<&str, Tally> = BTreeMap::new();
        for ((operation, _, _), tally) in &kinds {
            let sum = by_operation.entry(operation).or_default();
            sum.count += tally.count;
            sum.seconds += tally.seconds;
            for (sum, within) in sum.within.iter_mut().zip(tally.within) {
                *sum += within;
            }
        }
        out.push_str(
            "# HELP whippy_mock_request_duration_seconds From the arrival of a request to its answer.\n\
             # TYPE whippy_mock_request_duration_seconds histogram\n",
        );
        for (operation, tally) in by_operation {
            let name = "whippy_mock_request_duration_seconds";
            for (bound, within) in BOUNDS.iter().zip(tally.within) {
                let _ = writeln!(
                    out,
                    "{name}_bucket{{operation=\"{operation}\",le=\"{bound}\"}} {within}"
                );
            }
            let Tally { count, seconds, .. } = tally;
            let _ = write!(
                out,
                "{name}_bucket{{operation=\"{operation}\",le=\"+Inf\"}} {count}\n\
                 {name}_sum{{operation=\"{operation}\"}} {seconds}\n\
                 {name}_count{{operation=\"{operation}\"}} {count}\n"
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_counted_in_every_bucket_that_it_fits() {
        let metrics = Metrics::default();
        metrics.count(None, 0, Duration::from_millis(2));
        let text = metrics.text(&[("worlds", "Worlds.", 1.0)]);
        let has = |line: &str| assert!(text.contains(line), "no {line} in\n{text}");
        has("whippy_mock_worlds 1\n");
        has(
            "whippy_mock_requests_total{operation=\"unanswered\",rule=\"unanswered\",status=\"0\"} 1\n",
        );
        has("_bucket{operation=\"unanswered\",le=\"0.001\"} 0\n");
        has("_bucket{operation=\"unanswered\",le=\"0.005\"} 1\n");
        has("_bucket{operation=\"unanswered\",le=\"+Inf\"} 1\n");
        has("_count{operation=\"unanswered\"} 1\n");
    }
}
