//! `explore`: connects, settles the places, explores, cleans up and reports.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use whippy_conformance::cases::probe::Session;
use whippy_conformance::contract::Contract;
use whippy_conformance::explore::concurrent::{self, Concurrent, model::Rules};
use whippy_conformance::explore::steps::Trace;
use whippy_conformance::explore::{self, Aid, ExploreError, Explored, tell};
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::{self, Report, Safety};
use whippy_conformance::report::harmless;
use whippy_conformance::run::assembly::{Circumstances, assemble};
use whippy_conformance::run::discovery;
use whippy_conformance::run::verdict::conclude;
use whippy_conformance::run::{Options, Ran};
use whippy_conformance::transport::retry::Gateways;
use whippy_conformance::workers::Stopwatch;
use whippy_conformance::workers::system_time;
use whippy_engine::model::time::UtcOffset;
use whippy_engine::profile::{Profile, Reading};

use super::args::ExploreArgs;
use super::conduct::{connection, place_options, run_id};
use super::embedded::Embedded;
use super::files;
use super::interrupt::{Interrupt, to_resume};
use super::permission::Permission;
use super::plan;
use super::printing::{self, print};
use super::refusal::Refusal;

/// The default number of requests.
const REQUESTS: u64 = 10_000;

/// The default number of requests for a live target.
const REQUESTS_LIVE: u64 = 1_000;

/// The default folder for findings.
const OUT: &str = "whippy-explore";

/// The results of either way to explore.
struct Results {
    explored: Explored,
    concurrent: Option<Concurrent>,
}

/// Runs the command and returns its exit code.
pub(crate) fn explore(args: &ExploreArgs) -> Result<u8, Refusal> {
    let wanted = plan::reports(&args.found.report)?;
    let trace = args.effort.replay.as_deref().map(read_trace).transpose()?;
    let (now, watch) = (system_time(), Stopwatch::start());
    let started = UtcOffset::parse("Z")
        .map(|utc| now.to_text(utc))
        .unwrap_or_default();
    plan::combinations(&args.connection, &args.writing, &args.mock)?;
    let (profile, held) = plan::profile(args.effort.profile.as_deref())?;
    let embedded = match args.connection.target {
        // The mock has the same readings that it is held to.
        None => Some(Embedded::start(&args.mock, profile.clone())?),
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
    if args.effort.concurrent.is_some() && permission.mode == Safety::Read {
        return Err(Refusal::usage(
            "--concurrent writes, and this run only reads: --write allows it",
        ));
    }
    let interrupt = Interrupt::listen();
    let contract = Contract::embedded().map_err(Refusal::no_verdict)?;
    let mut session = Session::new(permission.looking(&connection), contract);
    session.profile = held;
    connection.enter(&mut session)?;
    let writing = permission.let_write(&connection, &mut session, started.clone())?;
    interrupt.keep_in_mind(writing.as_ref().map(|writing| writing.path.clone()));

    let settled = discovery::settle(&mut session, &place_options(&args.places, &permission));
    let options = options(
        args,
        &session,
        &profile,
        &permission,
        connection.is_embedded,
    );
    let bar = bar(&options, args.found.quiet);
    let result = settled
        .map_err(|error| connection.unsettled(&session, error))
        .and_then(|()| {
            let aid = Aid {
                stop: &interrupt.stop,
                pause: &|wait: Duration| std::thread::sleep(wait),
                tell: &|requests, differences| {
                    bar.set_position(requests.min(options.requests));
                    if differences > 0 {
                        bar.set_message(format!("{differences} found"));
                    }
                },
            };
            let explore = || went(args, &session, trace.as_ref(), &options, aid);
            // Even after a panic the written stocks are cleaned up.
            match catch_unwind(AssertUnwindSafe(explore)) {
                Ok(came) => came.map_err(Refusal::no_verdict),
                Err(_) => Err(Refusal::no_verdict(
                    "the suite panicked, which is a fault of its own",
                )),
            }
        });
    bar.set_message("cleaning up");
    let clean_up = writing.map(|writing| writing.clean_up(&connection, &session));
    interrupt.keep_in_mind(None);
    bar.finish_and_clear();
    if let Some(ledger) = clean_up.as_ref().and_then(|done| done.ledger.as_ref()) {
        eprintln!("whippy-conformance: {}", to_resume(Path::new(ledger)));
    }
    connection.keep_later_tokens(&mut session);
    let came = result?;
    let about = Circumstances {
        target: connection.about.clone(),
        started,
        micros: watch.micros(),
        clean_up,
        surprises: connection.surprises(),
        interrupted: interrupt
            .is_set()
            .then(|| "the run was interrupted".to_owned()),
    };
    let mut report = report(args, &session, &came, permission.mode, about);
    // Every sent request counts: also clean-up, logins and retries.
    report.requests = connection.sent().unwrap_or(report.requests);
    let written = write_found(args, &session, &came)?;
    printing::write_reports(&report, &wanted)?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    let look = printing::look(args.found.color.unwrap_or_default(), is_terminal);
    if !args.found.quiet && wanted.iter().all(|wanted| wanted.path.is_some()) {
        print(&harmless(&told_first(&came, &options, written.as_deref())))?;
    }
    printing::summarise(&report, &wanted, args.found.quiet, look, false)?;
    Ok(report.exit_code)
}

fn went(
    args: &ExploreArgs,
    session: &Session,
    trace: Option<&Trace>,
    options: &explore::Options,
    aid: Aid<'_>,
) -> Result<Results, ExploreError> {
    if let Some(clients) = args.effort.concurrent {
        let rules = if session.profile.is_empty() {
            Rules::all()
        } else {
            vec![Rules::of(&options.profile)]
        };
        let concurrent = concurrent::Options {
            seed: options.seed,
            clients: clients.into(),
            requests: options.requests,
            micros: options.micros,
            rules,
        };
        return Ok(Results {
            explored: Explored::default(),
            concurrent: Some(concurrent::concurrent(session, &concurrent, aid)?),
        });
    }
    let explored = match trace {
        Some(trace) => explore::replay(session, trace, options, aid)?,
        None => explore::explore(session, options, aid)?,
    };
    Ok(Results {
        explored,
        concurrent: None,
    })
}

fn options(
    args: &ExploreArgs,
    session: &Session,
    profile: &Profile,
    permission: &Permission,
    is_embedded: bool,
) -> explore::Options {
    let requests = if is_embedded { REQUESTS } else { REQUESTS_LIVE };
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    // A time without a number of requests is to be filled.
    let requests = match (args.effort.requests, args.effort.time) {
        (Some(requests), _) => requests,
        (None, Some(_)) => u64::MAX,
        (None, None) => requests,
    };
    let held = Reading::ALL.iter().copied();
    explore::Options {
        seed: args.effort.seed.unwrap_or(1),
        requests,
        micros: args.effort.time.map(micros),
        writes: permission.mode == Safety::Write,
        is_exclusive: is_embedded,
        asks_alias: is_embedded || permission.may_ask_alias(),
        profile: profile.clone(),
        held: held
            .filter(|reading| session.profile.contains_key(reading.id()))
            .collect(),
        is_covered: true,
        ..explore::Options::default()
    }
}

fn bar(options: &explore::Options, is_quiet: bool) -> ProgressBar {
    let is_watched = !is_quiet && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let target = if is_watched {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let length = (options.requests < u64::MAX).then_some(options.requests);
    let bar = ProgressBar::with_draw_target(length, target);
    let style = ProgressStyle::with_template("  {bar:24} {pos} requests  {elapsed}  {msg}");
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn read_trace(path: &Path) -> Result<Trace, Refusal> {
    let named = |why: String| Refusal::usage(format!("--replay {}: {why}", path.display()));
    let text = files::text(path).map_err(|error| named(error.to_string()))?;
    Trace::read(&text).map_err(|why| named(why.to_string()))
}

fn report(
    args: &ExploreArgs,
    session: &Session,
    came: &Results,
    mode: Safety,
    about: Circumstances,
) -> Report {
    let level = args.effort.level.unwrap_or(Level::Must);
    let mut checks = match &came.concurrent {
        Some(concurrent) => {
            let surprises = outcome::surprises("explore", &concurrent.surprises, mode);
            let checks = [concurrent::check(concurrent, session)];
            checks.into_iter().chain(surprises).collect()
        }
        None => tell::checks(&came.explored, level, session),
    };
    for check in &mut checks {
        check.safety = mode;
    }
    let aborted = came.explored.aborted.clone();
    let ran = Ran {
        checks,
        aborted: aborted.or_else(|| came.concurrent.as_ref()?.aborted.clone()),
    };
    let options = Options {
        mode,
        level,
        jobs: 1,
        retries: 0,
        may_seed: false,
    };
    let mut report = assemble(session, ran, &options, about);
    report.requests += came.explored.requests;
    report.requests += came.concurrent.as_ref().map_or(0, |came| came.requests);
    report.readings = tell::readings(&came.explored);
    conclude(&mut report, false);
    report
}

/// Writes each difference as a case, a trace and commands. Returns the folder, if there are any.
fn write_found(
    args: &ExploreArgs,
    session: &Session,
    came: &Results,
) -> Result<Option<PathBuf>, Refusal> {
    let mut files: Vec<(String, String)> = Vec::new();
    let secrets = &session.secrets;
    for (position, found) in came.explored.differences.iter().enumerate() {
        let number = position + 1;
        let name = format!("difference-{number}");
        let yaml = tell::case(number, found, &session.contract, secrets);
        files.push((format!("{name}.yaml"), yaml));
        files.push((format!("{name}.trace.json"), found.trace.to_json()));
        files.push((format!("{name}.sh"), tell::curls(found, secrets)));
    }
    if let Some(broken) = came
        .concurrent
        .as_ref()
        .and_then(|came| came.broken.as_ref())
    {
        let text = format!("{}\n\n{}", broken.summary, broken.timeline);
        files.push(("history.txt".to_owned(), text));
    }
    if files.is_empty() {
        return Ok(None);
    }
    let folder = args.found.out.clone().unwrap_or_else(|| OUT.into());
    let named =
        |error: std::io::Error| Refusal::no_verdict(format!("--out {}: {error}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(named)?;
    for (name, text) in files {
        std::fs::write(folder.join(name), text).map_err(named)?;
    }
    Ok(Some(folder))
}

/// Returns the text before the summary: the seed, the coverage, and the folder of findings.
fn told_first(came: &Results, options: &explore::Options, written: Option<&Path>) -> String {
    let mut text = match &came.concurrent {
        Some(concurrent) => concurrent::summary(concurrent),
        None => format!(
            "seed {}, {} sequences, {} steps\n\n{}",
            options.seed,
            came.explored.sequences,
            came.explored.steps,
            tell::covered(&came.explored)
        ),
    };
    if let Some(why) = &came.explored.spent {
        text = format!("{text}  ended early: {why}\n");
    }
    if let Some(folder) = written {
        text = format!("{text}\nwritten to {}\n", folder.display());
    }
    format!("{text}\n")
}
