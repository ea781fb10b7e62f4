//! The command line: commands and their flags. `layers` adds flags from the environment and from
//! the settings file.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use whippy_conformance::model::finding::Level;
use whippy_engine::findings::FindingLevel;

/// The checks that run at a time against a live target by default. Over a network most of a run is
/// waiting, which parallel checks share.
pub(crate) const JOBS: usize = 8;

/// Checks any implementation of the Whippy Ware Stock API against its contract.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the checks: against --target, or else against a whippy-mock of its own
    #[command(after_help = RUN_HELP)]
    Run(Box<RunArgs>),
    /// List the checks
    List(ListArgs),
    /// Say what a check asks and why, what it sends, and how to run it alone
    Explain(ExplainArgs),
    /// Say how much of the contract the checks exercise, and what is missing
    Coverage(CoverageArgs),
    /// Send sequences of requests out of a seed, and compare with the engine
    #[command(after_help = EXPLORE_HELP)]
    Explore(Box<ExploreArgs>),
    /// Find out how the target reads the documentation, and write it as a profile
    Calibrate(Box<CalibrateArgs>),
    /// Stand between a client and a service, and judge both; nothing is changed
    #[command(after_help = WATCH_HELP, mut_arg("timeout", |arg| arg.help(WATCH_TIMEOUT)))]
    Watch(Box<WatchArgs>),
    /// Judge traffic that was recorded: HTTP archives of browsers, proxies, API clients
    #[command(after_help = CHECK_HAR_HELP)]
    CheckHar(Box<CheckHarArgs>),
    /// Say what changed between two JSON reports; exit code 1 if a check fails anew
    Diff(DiffArgs),
    /// Neutralise what an interrupted run left behind, by its ledger
    CleanUp(Box<CleanUpArgs>),
}

const RUN_HELP: &str = "\
Every flag is also a variable, WHIPPY_CONFORMANCE_<FLAG>, and a key of the settings file.
A flag overrides its environment variable, a variable the file. Several values in one variable
are separated by commas, several headers by line breaks.

Exit codes:
  0  every requirement that was asked is met
  1  there are findings
  2  the command line, the settings or a case file is wrong
  3  no verdict: the target cannot be reached, or a check could not do its work
  4  no check ran
  5  the baseline has findings that are none any more
  130  a second Ctrl-C ended it at once, before it had cleaned up";

const EXPLORE_HELP: &str = "\
A difference is shrunk to the shortest sequence that still shows it, and written as a case,
a trace for --replay, and a list of curls.

Exit codes:
  0  the target answers as the engine does, under a reading of the page
  1  it does not
  2  the command line, the settings or a trace is wrong
  3  no verdict: the target cannot be reached or worked with
  4  nothing was sent
  130  a second Ctrl-C ended it at once, before it had cleaned up";

#[derive(Debug, Args)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) mock: MockArgs,
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) writing: WritingArgs,
    #[command(flatten)]
    pub(crate) effort: EffortArgs,
    #[command(flatten)]
    pub(crate) found: FoundArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Exploration")]
pub(crate) struct EffortArgs {
    /// Most requests, those for shrinking aside [default: 10000; 1000 for a live target]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) requests: Option<u64>,

    /// Longest time
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) time: Option<Duration>,

    /// What the sequences are made from [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Send the sequence of a trace again, in place of others
    #[arg(long, value_name = "TRACE", conflicts_with = "concurrent")]
    pub(crate) replay: Option<PathBuf>,

    /// Let so many clients call at once, and look for an order of their calls
    #[arg(long, value_name = "CLIENTS", value_parser = clap::value_parser!(u16).range(2..=64))]
    pub(crate) concurrent: Option<u16>,

    /// TOML file of readings to hold the target to
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// Differences of this level or above fail the run [default: must]
    #[arg(long, value_name = "must|should|may", value_parser = level(), hide_possible_values = true)]
    pub(crate) level: Option<Level>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct FoundArgs {
    /// Folder for what is found [default: whippy-explore]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Write text, json, junit, markdown, html or github; `-` prints it
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<String>,

    /// Print only the reports that are asked for, and why the run failed
    #[arg(long)]
    pub(crate) quiet: bool,

    /// Colours [default: auto]
    #[arg(long, value_name = "auto|always|never", hide_possible_values = true)]
    pub(crate) color: Option<Color>,
}

const WATCH_HELP: &str = "\
With a command, WHIPPY_URL is where it finds the service, and its exit code is this one's if
it fails. Ctrl-C or SIGTERM end a watch without one, and the report follows; a second one
does not wait for what is under way, a third ends at once.

Exit codes:
  0  nothing that fails the watch was seen
  1  there are findings
  2  the command line or the settings are wrong
  3  no verdict: the service was never reached, or exchanges passed unjudged
  4  no request of the API went by
  130  a third Ctrl-C ended it before its report";

const CHECK_HAR_HELP: &str = "\
Exit codes:
  0  nothing that fails the check was seen
  1  there are findings
  2  the command line, the settings or an archive is wrong
  4  no request of the API is there";

/// Clients wait for the answer too, so the limit is longer than for requests of the runner.
const WATCH_TIMEOUT: &str = "How long an answer may take [default: 60]";

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Where clients find it; port 0 takes a free one, which is printed [default: 127.0.0.1:0]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,

    #[arg(
        long,
        value_name = "URL",
        help = "The service, what stands in front of /api/v1/: http[s]://HOST[:PORT][/PREFIX]"
    )]
    pub(crate) upstream: Option<String>,

    #[command(flatten)]
    pub(crate) transport: TransportArgs,

    /// Let the service see the Host that the client asked for, so that its links lead back here
    #[arg(long)]
    pub(crate) preserve_host: bool,

    /// How long to watch: 90, 90s, 15m, 2h; without it until Ctrl-C, or until the command ends
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// Most bytes of a body that are judged; a longer one passes all the same [default: 4194304]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..=MAX_BODY_LIMIT))]
    pub(crate) body_limit: Option<u64>,

    /// Folder to keep the exchanges in, and the world that they show, without secrets
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,

    /// Most bytes of exchanges to keep there [default: 268435456]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..), requires = "record")]
    pub(crate) record_limit: Option<u64>,

    #[command(flatten)]
    pub(crate) judging: JudgingArgs,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,

    /// Command to run against it, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// The largest part of a body that can be copied for the judge, bytes.
const MAX_BODY_LIMIT: u64 = 64 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct CheckHarArgs {
    /// Archives; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[arg(
        long,
        value_name = "URL",
        help = "The service among the archive's hosts: http[s]://HOST[:PORT][/PREFIX]"
    )]
    pub(crate) upstream: Option<String>,

    #[command(flatten)]
    pub(crate) judging: JudgingArgs,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// How other people's traffic is judged, and told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct JudgingArgs {
    /// Findings about the service of this level or above fail it [default: must]
    #[arg(long, value_name = "must|should|may", value_parser = level(), hide_possible_values = true)]
    pub(crate) level: Option<Level>,

    /// Findings about the client of this level or above fail it [default: warning]
    #[arg(long, value_name = "note|warning|error|never", value_parser = fail_on)]
    pub(crate) fail_on: Option<FailOn>,

    /// TOML file of readings to hold both to
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    /// Write text, json, junit, markdown, html or github; `-` prints it
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<String>,

    /// Print only the reports that are asked for, and why it failed
    #[arg(long)]
    pub(crate) quiet: bool,

    /// Colours [default: auto]
    #[arg(long, value_name = "auto|always|never", hide_possible_values = true)]
    pub(crate) color: Option<Color>,
}

/// The lowest level of a finding about a client that fails a run; `None`: none does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailOn(pub(crate) Option<FindingLevel>);

/// Values that a flag does not take.
#[derive(Debug)]
enum ValueError {
    FailOn,
    Duration,
    Positive,
    Seconds,
    StockList,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailOn => f.write_str("it takes note, warning, error or never"),
            Self::Duration => {
                f.write_str("it takes a duration like 90, 90s, 15m or 2h, up to 720h")
            }
            Self::Positive => f.write_str("it takes a number above 0"),
            Self::Seconds => write!(f, "it takes seconds, up to {MOST_SECONDS}"),
            Self::StockList => {
                f.write_str("it takes the id of a stock list, a number, and not its code or name")
            }
        }
    }
}

impl std::error::Error for ValueError {}

fn fail_on(text: &str) -> Result<FailOn, ValueError> {
    if text == "never" {
        return Ok(FailOn(None));
    }
    text.parse()
        .map(|level| FailOn(Some(level)))
        .map_err(|_| ValueError::FailOn)
}

/// The longest time that any other flag takes, seconds.
const MOST_SECONDS: f64 = 86_400.0;

/// The longest watch that can be requested, seconds.
const LONGEST_WATCH: f64 = 30.0 * 86_400.0;

/// Reads seconds, or a number with a unit.
fn duration(text: &str) -> Result<Duration, ValueError> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        None => (text, 1.0),
        Some(number) if text.ends_with('s') => (number, 1.0),
        Some(number) if text.ends_with('m') => (number, 60.0),
        Some(number) => (number, 3600.0),
    };
    let seconds = positive(number).ok().map(|number| number * unit);
    let seconds = seconds.filter(|seconds| *seconds <= LONGEST_WATCH);
    seconds
        .map(Duration::from_secs_f64)
        .ok_or(ValueError::Duration)
}

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) mock: MockArgs,
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) writing: WritingArgs,
    /// Profile to write [default: whippy-profile.toml]
    #[arg(
        long,
        visible_alias = "out",
        value_name = "FILE",
        help_heading = "Results"
    )]
    pub(crate) write_profile: Option<PathBuf>,
    /// Write the profile over a file that is there
    #[arg(long, help_heading = "Results")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) mock: MockArgs,
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) writing: WritingArgs,
    #[command(flatten)]
    pub(crate) checks: CheckArgs,
    #[command(flatten)]
    pub(crate) results: ResultArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct ConnectionArgs {
    // A doc comment would want a link.
    #[arg(
        long,
        value_name = "URL",
        help = "What stands in front of /api/v1/: https://HOST[:PORT][/PREFIX]"
    )]
    pub(crate) target: Option<String>,

    /// Token to send; --token-file keeps it out of the process list
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,

    /// File that holds the token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Log in with this name to get a token
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,

    /// Password of the name
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,

    /// File that holds the password
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Most requests a second
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    pub(crate) rate: Option<f64>,

    /// Speak HTTP/2: as TLS agrees, or without TLS from the first byte
    #[arg(long)]
    pub(crate) http2: bool,

    #[command(flatten)]
    pub(crate) transport: TransportArgs,
}

/// How a server is reached, whoever asks it.
#[derive(Debug, Args)]
pub(crate) struct TransportArgs {
    /// Header to send with every request that does not have it; repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,

    /// How long an answer may take [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,

    /// PEM file of certificates to trust beside the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Trust any certificate
    #[arg(long)]
    pub(crate) insecure: bool,

    #[arg(
        long,
        value_name = "URL",
        help = "Proxy to go through: http://[USER:PASSWORD@]HOST:PORT"
    )]
    pub(crate) proxy: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mock of its own, without --target")]
pub(crate) struct MockArgs {
    /// Built-in world or world file to start with [default: demo]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) world: Option<String>,

    /// Break the mock in this way, to see the checks catch it; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) defect: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Places to work with; what is not given is looked for")]
pub(crate) struct PlaceArgs {
    /// Provider
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,

    /// Location of the provider
    #[arg(long, value_name = "CODE")]
    pub(crate) location: Option<String>,

    /// Another location of the provider
    #[arg(long, value_name = "CODE")]
    pub(crate) second_location: Option<String>,

    /// Location of another provider
    #[arg(long, value_name = "CODE")]
    pub(crate) foreign_location: Option<String>,

    /// Stock list
    #[arg(long, value_name = "ID", value_parser = stock_list)]
    pub(crate) stock_list: Option<i64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What the run may do to the target")]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub(crate) struct WritingArgs {
    /// Only look; the default but for a whippy-mock of this machine
    #[arg(long)]
    pub(crate) read_only: bool,

    /// Write stocks of its own; they end empty, unreserved and inactive
    #[arg(long)]
    pub(crate) write: bool,

    /// What its SKUs begin with, the run's id behind it [default: 00CT-]
    #[arg(long, value_name = "TEXT")]
    pub(crate) sku_prefix: Option<String>,

    /// Most rows to write [default: 10000]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) write_budget: Option<u64>,

    /// Create providers, locations and a stock list, which stay
    #[arg(long)]
    pub(crate) create_places: bool,

    /// Replace all that the target has; it must be a whippy-mock
    #[arg(long)]
    pub(crate) reset_target: bool,

    /// Admin token of the whippy-mock
    #[arg(long, value_name = "TOKEN")]
    pub(crate) admin_token: Option<String>,

    /// File that holds the admin token
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// New file to note every write in; removed when all is cleaned up
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Checks")]
pub(crate) struct CheckArgs {
    /// Run only the checks whose id matches; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,

    /// Leave out the checks whose id matches; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) skip: Vec<String>,

    /// Findings of this level or above fail the run [default: must]
    #[arg(long, value_name = "must|should|may", value_parser = level(), hide_possible_values = true)]
    pub(crate) level: Option<Level>,

    /// TOML file of readings to hold the target to
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) cases: CasesArgs,

    /// Checks at a time [default: 8; for the mock of its own, one a core]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,

    /// Most requests of the exploration that ends a run that writes; 0 leaves it out [default: 400, in 1.2 seconds]
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pub(crate) explore: Option<u64>,

    /// How often to try a failed check again [default: 0]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) retries: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct CasesArgs {
    /// Folder of further cases, YAML; docs/cases.md describes them
    #[arg(long, value_name = "DIR")]
    pub(crate) cases: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub(crate) struct ResultArgs {
    /// Write text, json, junit, markdown, html or github; `-` prints it
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<String>,

    /// Write the readings seen as a profile, for --profile and for whippy-mock
    #[arg(long, value_name = "FILE")]
    pub(crate) write_profile: Option<PathBuf>,

    /// TOML file of known findings, which do not fail the run
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Write the findings of this run into the baseline
    #[arg(long)]
    pub(crate) update_baseline: bool,

    /// Fail the run if a check is disabled, as for want of a place
    #[arg(long)]
    pub(crate) fail_on_disabled: bool,

    /// Print every finding whole, and not the causes alone
    #[arg(long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// Print only the reports that are asked for, and why the run failed
    #[arg(long)]
    pub(crate) quiet: bool,

    /// Colours [default: auto]
    #[arg(long, value_name = "auto|always|never", hide_possible_values = true)]
    pub(crate) color: Option<Color>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// Settings file [default: whippy-conformance.toml, if it is here]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Globs over the ids of checks
    #[arg(value_name = "GLOB")]
    pub(crate) globs: Vec<String>,

    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) cases: CasesArgs,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Id of the check
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) cases: CasesArgs,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) cases: CasesArgs,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Report of the earlier run: `--report json=FILE`
    pub(crate) before: PathBuf,
    /// Report of the later run
    pub(crate) after: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CleanUpArgs {
    /// Ledger of the run
    #[arg(long, value_name = "LEDGER")]
    pub(crate) from: PathBuf,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

fn level() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(["must", "should", "may"]).map(|name| match name.as_str() {
        "must" => Level::Must,
        "should" => Level::Should,
        _ => Level::May,
    })
}

fn positive(text: &str) -> Result<f64, ValueError> {
    let number = text
        .parse()
        .ok()
        .filter(|number| *number > 0.0 && f64::is_finite(*number));
    number.ok_or(ValueError::Positive)
}

fn stock_list(text: &str) -> Result<i64, ValueError> {
    text.parse().map_err(|_| ValueError::StockList)
}

fn seconds(text: &str) -> Result<Duration, ValueError> {
    let seconds = positive(text).ok();
    let seconds = seconds.filter(|seconds| *seconds <= MOST_SECONDS);
    seconds
        .map(Duration::from_secs_f64)
        .ok_or(ValueError::Seconds)
}
