//! `whippy-mock replay`: a failure of another machine, played again on this one.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use whippy_mock::bundle::{Bundle, Verdict};

use crate::cli::NOTHING_ASKED;
use crate::cli::listing;

/// Plays a bundle, and prints for each exchange whether its answer is the same. With `check` it
/// ends with 1 at the first difference, and with [`NOTHING_ASKED`] where no answer was compared.
pub(crate) fn run(path: &Path, check: bool) -> ExitCode {
    let refuse = |why: &dyn std::fmt::Display| {
        eprintln!("whippy-mock: {}: {why}", path.display());
        ExitCode::from(2)
    };
    let json = match std::fs::read(path) {
        Ok(json) => json,
        Err(error) => return refuse(&error),
    };
    let bundle = match Bundle::from_json(&json) {
        Ok(bundle) => bundle,
        Err(why) => return refuse(&why),
    };
    let exchanges = match bundle.replay() {
        Ok(exchanges) => exchanges,
        Err(why) => return refuse(&why),
    };
    let (mut same, mut different, mut skipped) = (0_u64, 0_u64, 0_u64);
    let mut out = String::new();
    for replayed in exchanges {
        match &replayed.verdict {
            Verdict::Same => {
                same += 1;
                if check {
                    continue;
                }
            }
            Verdict::Different(_) => different += 1,
            Verdict::Skipped(_) => skipped += 1,
        }
        let _ = writeln!(out, "{replayed}");
        if check && different > 0 {
            break;
        }
    }
    let _ = writeln!(
        out,
        "{same} the same, {different} different, {skipped} not compared"
    );
    let said = listing::print(&out);
    if check && same + different == 0 {
        eprintln!(
            "whippy-mock: {}: no answer was compared, so nothing was checked; was the bundle taken \
             of the world that your client used (?world=NAME)?",
            path.display()
        );
        return ExitCode::from(NOTHING_ASKED);
    }
    if check && different > 0 {
        ExitCode::FAILURE
    } else {
        said
    }
}
