//! Conducts a run: connects, settles the places for the checks, runs them, cleans up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use whippy_conformance::cases::probe::{Ask, Exploration, Session};
use whippy_conformance::checks::EXPLORATION;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::{Report, Safety};
use whippy_conformance::report::text::Look;
use whippy_conformance::run::assembly::{Circumstances, assemble};
use whippy_conformance::run::catalogue::Check;
use whippy_conformance::run::discovery::{self, PlaceOptions};
use whippy_conformance::run::selection::Selection;
use whippy_conformance::run::{self, Options, Ran};
use whippy_conformance::transport::retry::Gateways;
use whippy_conformance::workers::Stopwatch;
use whippy_conformance::workers::system_time;
use whippy_engine::model::time::{Timestamp, UtcOffset};

use super::args::{ConnectionArgs, JOBS, PlaceArgs, RunArgs, WritingArgs};
use super::connection::Connection;
use super::embedded::Embedded;
use super::interrupt::{Interrupt, to_resume};
use super::permission::Permission;
use super::plan;
use super::progress::Progress;
use super::refusal::Refusal;
use super::secrets::secret;

/// The one wait of a run against a service before it checks that written stocks persist. A
/// whippy-mock of this machine is not waited for.
const PATIENCE: Duration = Duration::from_secs(6);

/// A finished run.
pub(crate) struct Conducted {
    /// The report, still without baseline and verdict.
    pub(crate) report: Report,
    /// Is true if the lines of its sections were already shown on the way.
    pub(crate) were_sections_shown: bool,
}

/// The audience of a run in progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audience {
    pub(crate) look: Look,
    pub(crate) is_watching: bool,
}

/// Conducts a run of the selected checks.
pub(crate) fn conduct(
    args: &RunArgs,
    contract: Contract,
    checks: &[Check],
    selection: &Selection,
    audience: Audience,
) -> Result<Conducted, Refusal> {
    let (now, watch) = (system_time(), Stopwatch::start());
    let started = UtcOffset::parse("Z")
        .map(|utc| now.to_text(utc))
        .unwrap_or_default();
    plan::combinations(&args.connection, &args.writing, &args.mock)?;
    let (profile, held) = plan::profile(args.checks.profile.as_deref())?;
    let embedded = match args.connection.target {
        None => Some(Embedded::start(&args.mock, profile)?),
        Some(_) => None,
    };
    let connection = connection(
        &args.connection,
        &args.writing,
        embedded.as_ref(),
        Gateways::Judged,
    )?;
    let mut permission = Permission::new(
        &args.writing,
        args.places.stock_list,
        &connection,
        run_id(now),
    )?;
    permission.jobs = jobs(args, &connection);
    let interrupt = Interrupt::listen();
    let mut session = Session::new(permission.looking(&connection), contract);
    session.profile = held;
    let writes = permission.mode == Safety::Write;
    if writes && !connection.is_embedded && !connection.is_local_mock() {
        session.patience = PATIENCE;
    }
    let explores = args.checks.explore != Some(0);
    if let Some(requests) = args.checks.explore {
        session.exploration = Exploration::of(requests);
    }
    connection.enter(&mut session)?;
    let writing = permission.let_write(&connection, &mut session, started.clone())?;
    interrupt.keep_in_mind(writing.as_ref().map(|writing| writing.path.clone()));

    let settled = discovery::settle(&mut session, &place_options(&args.places, &permission));
    session.is_far = settled.is_ok() && !connection.is_embedded && is_far(&session);
    let options = options(args, &permission);
    let selected =
        |check: &Check| selection.takes(&check.id) && (explores || check.id != EXPLORATION);
    let ids = checks
        .iter()
        .filter(|check| selected(check))
        .map(|check| check.id.as_str());
    let progress = Progress::new(ids, audience.look, audience.is_watching);
    let ran = settled.map(|()| {
        let tell = |check: &_| progress.tell(check);
        let run = || {
            run::run(
                &session,
                checks,
                &selected,
                &options,
                &interrupt.stop,
                &tell,
            )
        };
        // Even after a panic the written stocks are cleaned up.
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Ran {
            aborted: Some("the suite panicked, which is a fault of its own".to_owned()),
            ..Ran::default()
        })
    });
    let interrupted = interrupt
        .is_set()
        .then(|| "the run was interrupted".to_owned());
    progress.say("cleaning up");
    let clean_up = writing.map(|writing| writing.clean_up(&connection, &session));
    interrupt.keep_in_mind(None);
    let were_sections_shown = progress.end();
    if let Some(ledger) = clean_up
        .as_ref()
        .and_then(|clean_up| clean_up.ledger.as_ref())
    {
        eprintln!("whippy-conformance: {}", to_resume(Path::new(ledger)));
    }
    connection.keep_later_tokens(&mut session);
    let ran = ran.map_err(|error| connection.unsettled(&session, error))?;
    let about = Circumstances {
        target: connection.about.clone(),
        started,
        micros: watch.micros(),
        clean_up,
        surprises: connection.surprises(),
        interrupted,
    };
    let mut report = assemble(&session, ran, &options, about);
    // Every sent request counts: also clean-up, logins and retries.
    report.requests = connection.sent().unwrap_or(report.requests);
    Ok(Conducted {
        report,
        were_sections_shown,
    })
}

/// The time beyond which the quickest answer means that a service is far away, microseconds.
const FAR: u64 = 30_000;

/// Returns `true` if even the quickest of a few answers takes longer than [`FAR`].
fn is_far(session: &Session) -> bool {
    let ask = Ask::get("/api/v1/stocks/").with("limit", 1);
    let times = (0..3).filter_map(|_| {
        let watch = Stopwatch::start();
        session.send_unjudged(&ask).ok().map(|_| watch.micros())
    });
    times.min().is_some_and(|quickest| quickest > FAR)
}

/// Connects to the target, or to the embedded mock.
pub(crate) fn connection(
    args: &ConnectionArgs,
    writing: &WritingArgs,
    embedded: Option<&Embedded>,
    gateways: Gateways,
) -> Result<Connection, Refusal> {
    if let Some(embedded) = embedded {
        return Connection::embedded(&embedded.url, &embedded.about);
    }
    let token = writing.admin_token.as_deref();
    let admin_token = secret("admin-token", token, writing.admin_token_file.as_deref())?;
    Connection::new(
        args.target.as_deref().unwrap_or_default(),
        args,
        admin_token,
        gateways,
    )
}

/// Returns the places that the user has named for the checks.
pub(crate) fn place_options(places: &PlaceArgs, permission: &Permission) -> PlaceOptions {
    PlaceOptions {
        provider: places.provider.clone(),
        location: places.location.clone(),
        second_location: places.second_location.clone(),
        foreign_location: places.foreign_location.clone(),
        stock_list: places.stock_list,
        create_places: permission.may_create_places,
        may_write: permission.mode == Safety::Write,
    }
}

fn jobs(args: &RunArgs, connection: &Connection) -> usize {
    match args.checks.jobs {
        Some(jobs) => jobs.into(),
        None if connection.is_embedded => cores(),
        None => JOBS,
    }
}

fn options(args: &RunArgs, permission: &Permission) -> Options {
    Options {
        mode: permission.mode,
        level: args.checks.level.unwrap_or(Level::Must),
        jobs: permission.jobs,
        retries: args.checks.retries.unwrap_or(0),
        may_seed: permission.may_seed,
    }
}

/// Returns the number of processor cores.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Returns the id of a run: its moment to the microsecond in ten digits and letters, unique to this
/// run.
pub(crate) fn run_id(now: Timestamp) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    /// 2020-01-01, microseconds since 1970.
    const EPOCH: u64 = 1_577_836_800_000_000;
    let micros = u64::try_from(now.micros()).unwrap_or_default();
    let mut number = micros.saturating_sub(EPOCH);
    let mut id = [b'0'; 10];
    for digit in id.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(number % 36).unwrap_or_default()];
        number /= 36;
    }
    String::from_utf8_lossy(&id).into_owned()
}
