//! `calibrate`: connects, probes every reading, cleans up and writes the profile.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use whippy_conformance::cases::probe::Session;
use whippy_conformance::explore::calibrate;
use whippy_conformance::model::outcome::Safety;
use whippy_conformance::run::detection::detectors;
use whippy_conformance::run::discovery;
use whippy_conformance::run::verdict::Exit;
use whippy_conformance::transport::retry::Gateways;
use whippy_conformance::workers::system_time;
use whippy_engine::model::time::UtcOffset;
use whippy_engine::profile::{Profile, Reading};

use super::args::CalibrateArgs;
use super::conduct::{connection, place_options, run_id};
use super::embedded::Embedded;
use super::interrupt::{Interrupt, to_resume};
use super::permission::Permission;
use super::plan::{self, Catalogue};
use super::printing::print;
use super::refusal::Refusal;

/// The default file of the profile.
const PROFILE: &str = "whippy-profile.toml";

/// Runs the command and returns its exit code.
pub(crate) fn calibrate(args: &CalibrateArgs) -> Result<u8, Refusal> {
    let now = system_time();
    let started = UtcOffset::parse("Z")
        .map(|utc| now.to_text(utc))
        .unwrap_or_default();
    plan::combinations(&args.connection, &args.writing, &args.mock)?;
    let path = args.write_profile.clone().unwrap_or_else(|| PROFILE.into());
    if !args.force && path.symlink_metadata().is_ok() {
        return Err(is_there_already(&path));
    }
    let Catalogue {
        contract, checks, ..
    } = Catalogue::read(None)?;
    let embedded = match args.connection.target {
        None => Some(Embedded::start(&args.mock, Profile::default())?),
        Some(_) => None,
    };
    let connection = connection(
        &args.connection,
        &args.writing,
        embedded.as_ref(),
        Gateways::Retried,
    )?;
    let permission = Permission::new(
        &args.writing,
        args.places.stock_list,
        &connection,
        run_id(now),
    )?;
    let interrupt = Interrupt::listen();
    let mut session = Session::new(permission.looking(&connection), contract);
    connection.enter(&mut session)?;
    let writing = permission.let_write(&connection, &mut session, started.clone())?;
    interrupt.keep_in_mind(writing.as_ref().map(|writing| writing.path.clone()));
    let settled = discovery::settle(&mut session, &place_options(&args.places, &permission));
    let spinner = spinner();
    let calibrated = settled.map(|()| {
        let may_write = permission.mode == Safety::Write;
        let tell = |reading: Reading| spinner.set_message(reading.id());
        let detectors = detectors(&checks);
        let probe =
            || calibrate::calibrate(&session, &detectors, may_write, &interrupt.stop, &tell);
        // Even after a panic the written stocks are cleaned up.
        catch_unwind(AssertUnwindSafe(probe))
    });
    spinner.set_message("cleaning up");
    let clean_up = writing.map(|writing| writing.clean_up(&connection, &session));
    interrupt.keep_in_mind(None);
    spinner.finish_and_clear();
    let kept = clean_up.as_ref().and_then(|done| done.ledger.as_ref());
    if let Some(ledger) = kept {
        eprintln!("whippy-conformance: {}", to_resume(Path::new(ledger)));
    }
    let calibrated = calibrated
        .map_err(|error| connection.unsettled(&session, error))?
        .map_err(|_| Refusal::no_verdict("the suite panicked, which is a fault of its own"))?;
    if let Some(why) = &calibrated.aborted {
        return Err(Refusal::no_verdict(why.clone()));
    }
    if interrupt.is_set() {
        return Err(Refusal::no_verdict("the run was interrupted"));
    }
    connection.keep_later_tokens(&mut session);
    let text = redacted(&session, &calibrated.to_toml(&connection.about, &started));
    write(&path, &text, args.force)?;
    let mut summary = calibrated.summary();
    for (surprise, times) in connection.surprises() {
        let _ = writeln!(summary, "got over: {surprise} ({times}×)");
    }
    let summary = redacted(&session, &summary);
    print(&format!("{summary}written to {}\n", path.display()))?;
    match kept {
        None => Ok(Exit::Clean.code()),
        Some(ledger) => Err(Refusal::no_verdict(format!(
            "something is left, so {ledger} is kept"
        ))),
    }
}

/// Writes the profile. A file that has appeared meanwhile is not overwritten, unless that is
/// allowed.
fn write(path: &Path, text: &str, may_replace: bool) -> Result<(), Refusal> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(may_replace);
    let file = options
        .create(may_replace)
        .create_new(!may_replace)
        .open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there_already(path),
        _ => Refusal::no_verdict(format!("--write-profile {}: {error}", path.display())),
    })
}

fn is_there_already(path: &Path) -> Refusal {
    let path = path.display();
    Refusal::usage(format!(
        "--write-profile {path}: the file is there already; --force writes over it, --out FILE names another"
    ))
}

fn redacted(session: &Session, text: &str) -> String {
    session.secrets.redact(text)
}

fn spinner() -> ProgressBar {
    let target = if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let spinner = ProgressBar::with_draw_target(None, target);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}
