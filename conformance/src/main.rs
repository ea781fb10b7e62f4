//! `whippy-conformance`: does this service do what the contract says?

#![allow(clippy::print_stdout, clippy::print_stderr)] // It is a command.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use whippy_conformance::catalogue::{self, Check, Outcome};
use whippy_conformance::run::run;
use whippy_conformance::target::{InProcess, Remote, Secrets, Target, TargetError};

/// Findings.
const FINDINGS: u8 = 1;
/// The suite's own fault, or a target that cannot be reached or seeded.
const NO_VERDICT: u8 = 3;
/// Nothing ran.
const NOTHING_RAN: u8 = 4;

/// Checks an implementation of the Whippy Ware Stock API against its contract.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay the documented responses against a whippy-mock
    Run(RunArgs),
    /// Print the checks
    List,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// A running whippy-mock; without it the engine in this process
    #[arg(long, env = "WHIPPY_CONFORMANCE_TARGET", value_name = "URL")]
    target: Option<String>,

    /// Token to send, where the mock was started with one
    #[arg(
        long,
        env = "WHIPPY_CONFORMANCE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,

    /// Token for /__admin/, where the mock was started with one
    #[arg(
        long,
        env = "WHIPPY_CONFORMANCE_ADMIN_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    admin_token: Option<String>,

    /// Only the checks whose id contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let checks = match catalogue::all() {
        Ok(checks) => checks,
        Err(why) => {
            eprintln!("whippy-conformance: {why}");
            return ExitCode::from(NO_VERDICT);
        }
    };
    match cli.command {
        Command::Run(args) => verdict(&args, checks),
        Command::List => {
            for check in &checks {
                println!("{}  {:32}  {}", check.level.text(), check.id, check.section);
            }
            ExitCode::SUCCESS
        }
    }
}

fn verdict(args: &RunArgs, mut checks: Vec<Check>) -> ExitCode {
    checks.retain(|check| check.id.contains(&args.only));
    if checks.is_empty() {
        eprintln!("whippy-conformance: no check's id contains `{}`", args.only);
        return ExitCode::from(NOTHING_RAN);
    }
    let summary = target(args).and_then(|mut target| run(&checks, &mut *target, tell));
    match summary {
        Err(error) => {
            eprintln!("whippy-conformance: {error}");
            ExitCode::from(NO_VERDICT)
        }
        Ok(summary) => {
            println!(
                "{} passed, {} failed, {} could not be set up",
                summary.passed, summary.failed, summary.setup_failed
            );
            if summary.failed > 0 {
                ExitCode::from(FINDINGS)
            } else if summary.setup_failed > 0 {
                ExitCode::from(NO_VERDICT)
            } else {
                ExitCode::SUCCESS
            }
        }
    }
}

fn target(args: &RunArgs) -> Result<Box<dyn Target>, TargetError> {
    Ok(match &args.target {
        Some(url) => {
            let secrets = Secrets {
                token: args.token.clone(),
                admin_token: args.admin_token.clone(),
            };
            Box::new(Remote::new(url, secrets)?)
        }
        None => Box::new(InProcess::new()?),
    })
}

fn tell(check: &Check, outcome: &Outcome) {
    match outcome {
        Outcome::Pass => println!("pass          {}", check.id),
        Outcome::SetupFailed(why) => println!("setup-failed  {}: {why}", check.id),
        Outcome::Fail(finding) => {
            println!("FAIL          {} ({})", check.id, check.level.text());
            println!("source: {}: \"{}\"", check.section, check.quote);
            println!("{finding}");
        }
    }
}
