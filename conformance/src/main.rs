//! `whippy-conformance`: checks that a service does what the contract says.

#![allow(clippy::print_stdout, clippy::print_stderr)] // It is a command.

mod cli;

use std::fmt::{Display, Write as _};
use std::io::IsTerminal;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;

use whippy_conformance::cases::probe::Session;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::outcome::Report;
use whippy_conformance::report::compare;
use whippy_conformance::report::json;
use whippy_conformance::report::text::Look;
use whippy_conformance::run::catalogue::Check;
use whippy_conformance::run::explain;
use whippy_conformance::run::selection::{Selection, did_you_mean};
use whippy_conformance::run::verdict::{Exit, conclude};
use whippy_conformance::transport::ledger::Ledger;
use whippy_conformance::transport::retry::Gateways;

use cli::args::{CleanUpArgs, Command, CoverageArgs, DiffArgs, ExplainArgs, ListArgs, RunArgs};
use cli::conduct::{self, Audience, Conducted, conduct};
use cli::connection::Connection;
use cli::files;
use cli::layers;
use cli::origins::Origins;
use cli::permission::Writing;
use cli::plan::{self, Catalogue, Known};
use cli::printing::{self, print};
use cli::refusal::Refusal;

fn main() -> ExitCode {
    // The message of a panic may contain a secret; its location does not.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic
            .location()
            .map(|at| format!(" at {at}"))
            .unwrap_or_default();
        eprintln!("whippy-conformance: a fault of its own{at}");
    }));
    let mut origins = Origins::default();
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
        layers::read(&mut origins).and_then(|cli| match cli.command {
            Command::Run(args) => run(&args),
            Command::List(args) => list(&args),
            Command::Explain(args) => explain(&args),
            Command::Coverage(args) => coverage(&args),
            Command::Explore(args) => cli::explore::explore(&args),
            Command::Calibrate(args) => cli::calibrate::calibrate(&args),
            Command::Watch(args) => cli::watch::watch(&args),
            Command::CheckHar(args) => cli::check_har::check_har(&args),
            Command::Diff(args) => diff(&args),
            Command::CleanUp(args) => clean_up(&args),
        })
    }));
    match result {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(refusal)) => refusal.tell(&origins),
        Err(_) => ExitCode::from(Exit::NoVerdict.code()),
    }
}

/// Runs the checks and returns the exit code.
fn run(args: &RunArgs) -> Result<u8, Refusal> {
    let wanted = plan::reports(&args.results.report)?;
    let known = Known::read(&args.results)?;
    let Catalogue {
        contract, checks, ..
    } = Catalogue::read(args.checks.cases.cases.as_deref())?;
    let ids: Vec<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    if let Some(known) = &known {
        known.names_causes(&ids)?;
    }
    let selection = plan::selection(&args.checks, &ids)?;
    let audience = audience(args);
    let Conducted {
        mut report,
        were_sections_shown,
    } = conduct(args, contract, &checks, &selection, audience)?;
    if let Some(known) = known {
        known.apply(&mut report, &ids)?;
    }
    conclude(&mut report, args.results.fail_on_disabled);
    printing::write_reports(&report, &wanted)?;
    if let Some(path) = &args.results.write_profile {
        printing::write_profile(&report, path)?;
    }
    printing::summarise(
        &report,
        &wanted,
        args.results.quiet,
        audience.look,
        were_sections_shown,
    )?;
    Ok(report.exit_code)
}

/// Returns the audience: a bar needs a terminal, and the lines above it are shown only if the
/// summary follows on the same one.
fn audience(args: &RunArgs) -> Audience {
    let is_terminal = std::io::stdout().is_terminal();
    let is_watching = std::io::stderr().is_terminal() && is_terminal && !args.results.quiet;
    let look = printing::look(args.results.color.unwrap_or_default(), is_terminal);
    Audience {
        look: Look {
            whole: args.results.verbose,
            ..look
        },
        is_watching,
    }
}

fn list(args: &ListArgs) -> Result<u8, Refusal> {
    let catalogue = Catalogue::read(args.cases.cases.as_deref())?;
    let selection = Selection::new(&args.globs, &[]).map_err(Refusal::usage)?;
    if let Some((why, _)) = selection.idle_glob(&catalogue.ids()) {
        let why = why.trim_start_matches("--only ").to_owned();
        return Err(Refusal::Sentence(Exit::NothingRan, why));
    }
    let checks = catalogue.checks.iter();
    let checks: Vec<&Check> = checks.filter(|check| selection.takes(&check.id)).collect();
    print(&if args.json {
        explain::list_json(&checks)
    } else {
        explain::list(&checks)
    })
}

fn explain(args: &ExplainArgs) -> Result<u8, Refusal> {
    let catalogue = Catalogue::read(args.cases.cases.as_deref())?;
    let Some(check) = catalogue.checks.iter().find(|check| check.id == args.id) else {
        let hint = did_you_mean(&args.id, &catalogue.ids());
        return Err(Refusal::usage(format!(
            "there is no check `{}`; {hint}`whippy-conformance list` lists them all",
            args.id
        )));
    };
    let text = explain::explain(
        check,
        &catalogue.checks,
        catalogue.contract,
        &catalogue.files,
    );
    print(&text.map_err(Refusal::no_verdict)?)
}

fn coverage(args: &CoverageArgs) -> Result<u8, Refusal> {
    let catalogue = Catalogue::read(args.cases.cases.as_deref())?;
    let coverage = explain::measure(&catalogue.checks, catalogue.contract, conduct::cores());
    let coverage = coverage.map_err(Refusal::no_verdict)?;
    print(&if args.json {
        explain::coverage_json(&coverage)
    } else {
        explain::coverage(&coverage)
    })
}

fn diff(args: &DiffArgs) -> Result<u8, Refusal> {
    let (before, after) = (report(&args.before)?, report(&args.after)?);
    let is_shared = |id: &String| before.checks.iter().any(|check| check.id == *id);
    if !after.checks.iter().any(|check| is_shared(&check.id)) {
        return Err(Refusal::usage(format!(
            "{} and {} have no check in common: give two reports of the same command",
            args.before.display(),
            args.after.display()
        )));
    }
    let comparison = compare::compare(&before, &after);
    print(&comparison.text())?;
    Ok(comparison.exit_code())
}

fn report(path: &Path) -> Result<Report, Refusal> {
    let named = |why: &dyn Display| Refusal::usage(format!("{}: {why}", path.display()));
    let text = files::text(path).map_err(|error| named(&error))?;
    json::read(&text).map_err(|why| named(&why))
}

fn clean_up(args: &CleanUpArgs) -> Result<u8, Refusal> {
    let ledger = Ledger::open(&args.from)
        .map_err(|error| Refusal::usage(format!("--from {}: {error}", args.from.display())))?;
    let target = ledger.run().target.clone();
    if let Some(other) = args
        .connection
        .target
        .as_ref()
        .filter(|other| other.trim_end_matches('/') != target.trim_end_matches('/'))
    {
        return Err(Refusal::usage(format!(
            "--target {other}: the ledger is one of {target}"
        )));
    }
    let connection = Connection::new(&target, &args.connection, None, Gateways::Retried)?;
    let writing = Writing::of_ledger(&args.from, ledger, &connection)?;
    let contract = Contract::embedded().map_err(Refusal::no_verdict)?;
    let mut session = Session::new(writing.target(), contract);
    connection.enter(&mut session)?;
    let cleaned = writing.clean_up(&connection, &session);
    let mut text = format!("{} stocks neutralised\n", cleaned.neutralised);
    for left in &cleaned.left {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "left: {}", session.secrets.redact(left));
    }
    print(&text)?;
    match cleaned.ledger {
        None => Ok(Exit::Clean.code()),
        Some(ledger) => Err(Refusal::no_verdict(format!(
            "something is left, so {ledger} is kept"
        ))),
    }
}
