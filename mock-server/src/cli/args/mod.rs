//! The command line: every flag with its environment variable, and a sentence for every wrong
//! value.

mod error;
mod tls;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use http::HeaderValue;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{self, Defects};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::findings::{UnknownFormat, UnknownLevel};
use whippy_engine::model::time::UtcOffset;
use whippy_engine::openapi::{FORMS, Form};
use whippy_engine::redact::Redactor;
use whippy_mock::admin::Control;
use whippy_mock::http::request_log::{LogFormat, RequestLog};
use whippy_mock::http::{Address, Limits, Server};
use whippy_mock::log::{self as durable, KeptWorld, LEAST_LIMIT, LogOptions, Sync};
use whippy_mock::worlds::journal::{JournalLimits, JournalShare};
use whippy_mock::worlds::{DEFAULT, Start, WorldLimits, Worlds};

use crate::cli::environment;
use crate::cli::exec::Trial;
use crate::cli::mock::Mock;
use crate::cli::reload::Watch;
use crate::cli::sources::Sources;

pub(crate) use error::ArgsError;
use error::ValueError;
use tls::TlsArgs;

/// A stateful fake of the Whippy Ware Stock API, for laptops and CI.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server; the same as no command at all
    Serve(Box<ServeArgs>),
    /// Run a command against a mock of its own, and judge it as a client
    Exec(Box<ExecArgs>),
    /// Play a bundle of /__admin/bundle again, and say where it comes out otherwise
    Replay(ReplayArgs),
    /// Ask a mock whether it is well, and end with 0 or 1: for a container's health check
    Health(HealthArgs),
    #[command(flatten)]
    Listing(Listing),
}

/// What is built in, alone on the command line: whatever the server's variables say, it
/// can be printed.
#[derive(Debug, Parser)]
pub(crate) struct ListingCli {
    #[command(subcommand)]
    pub(crate) listing: Listing,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Listing {
    /// Print the built-in worlds
    Worlds,
    /// Print the readings: what the documentation leaves open, and the choices
    Readings,
    /// Print the defects: ways to break the contract on purpose
    Defects {
        /// Those that are derived from the contract, with the statements that they break
        #[arg(long)]
        derived: bool,
    },
    /// Print the routes of the API
    Routes,
    /// Print the OpenAPI document
    Openapi {
        /// The form in which it is printed
        #[arg(default_value = "3.1", value_parser = form_parser())]
        form: &'static Form,
    },
}

fn form_parser() -> impl TypedValueParser<Value = &'static Form> {
    let names = FORMS
        .iter()
        .map(|form| PossibleValue::new(form.name).help(form.about));
    PossibleValuesParser::new(names).map(|name| Form::named(&name).unwrap_or(&FORMS[0]))
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// End with 1 at the first difference
    #[arg(long)]
    pub(crate) check: bool,

    /// The bundle
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The mock's URL or address
    #[arg(
        env = "WHIPPY_MOCK_LISTEN",
        value_name = "URL",
        default_value = "127.0.0.1:8000"
    )]
    pub(crate) target: String,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// Lowest level of a finding that fails the run
    #[arg(
        long,
        env = "WHIPPY_MOCK_FAIL_ON",
        value_name = "note|warning|error|never",
        default_value = "warning"
    )]
    fail_on: String,

    /// Least part of the documented responses that the command must meet, percent
    #[arg(
        long,
        env = "WHIPPY_MOCK_FAIL_UNDER",
        value_name = "PERCENT",
        value_parser = between(0, 100),
        default_value = "0"
    )]
    fail_under: u32,

    /// Report to write, as text, json, junit or markdown; repeatable
    #[arg(
        long,
        env = "WHIPPY_MOCK_REPORT",
        value_name = "FORMAT=FILE",
        value_delimiter = ','
    )]
    report: Vec<String>,

    #[command(flatten)]
    serve: ServeArgs,

    /// The command, which finds the mock by `WHIPPY_URL` and `WHIPPY_TOKEN`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ExecArgs {
    /// Returns the trial and the mock.
    pub(crate) fn into_trial(self) -> Result<(Trial, Mock), ArgsError> {
        let fail_on = match self.fail_on.as_str() {
            "never" => None,
            level => Some(level.parse().map_err(|why: UnknownLevel| {
                ArgsError::content("--fail-on", format!("{why}; or never"))
            })?),
        };
        let report = |text: &String| {
            let (format, path) = text
                .split_once('=')
                .ok_or_else(|| ArgsError::value("--report", text, "it takes FORMAT=FILE"))?;
            let format = format
                .parse()
                .map_err(|why: UnknownFormat| ArgsError::content("--report", why))?;
            Ok((format, PathBuf::from(path)))
        };
        let reports = self
            .report
            .iter()
            .map(report)
            .collect::<Result<_, ArgsError>>()?;
        let token = self.serve.token.first().cloned();
        let listens = self.serve.listen.is_some();
        let mut serve = self.serve;
        // The worlds are judged at the end, so none may expire before.
        serve.world_idle = 0;
        if serve.token_lifetime.is_some() && serve.token.is_empty() {
            // The command's token must be known where not any token is accepted.
            serve.token.push(EXEC_TOKEN.to_owned());
        }
        let mock = serve.into_mock()?;
        if let unix @ Address::Unix(_) = &mock.listen {
            return Err(ArgsError::SocketForCommand(unix.clone()));
        }
        let trial = Trial {
            command: self.command,
            token: token.unwrap_or_else(|| EXEC_TOKEN.to_owned()),
            fail_on,
            fail_under: self.fail_under.into(),
            reports,
            listens,
        };
        Ok((trial, mock))
    }
}

/// The token of the command where none is configured, so that any is accepted.
const EXEC_TOKEN: &str = "whippy-mock";

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one
    ///
    /// By default localhost:8000. `localhost` is `127.0.0.1` and, where there is IPv6, `::1`.
    #[arg(
        long,
        env = "WHIPPY_MOCK_LISTEN",
        value_name = "HOST:PORT|unix:PATH",
        verbatim_doc_comment
    )]
    listen: Option<String>,

    #[command(flatten)]
    tls: TlsArgs,

    /// Built-in world (see `whippy-mock worlds`) or world file to start with
    #[arg(
        long,
        env = "WHIPPY_MOCK_WORLD",
        value_name = "NAME|FILE",
        default_value = DEFAULT_WORLD
    )]
    world: String,

    /// TOML file of readings: `reading-id = "choice"`
    #[arg(long, env = "WHIPPY_MOCK_PROFILE", value_name = "FILE")]
    profile: Option<PathBuf>,

    /// One reading (see `whippy-mock readings`); overrides the profile file; repeatable
    #[arg(
        long,
        env = "WHIPPY_MOCK_READING",
        value_name = "ID=CHOICE",
        value_delimiter = ','
    )]
    reading: Vec<String>,

    /// Breaks the contract on purpose (see `whippy-mock defects`); repeatable
    #[arg(
        long,
        env = "WHIPPY_MOCK_DEFECT",
        value_name = "NAME",
        value_delimiter = ','
    )]
    defect: Vec<String>,

    /// Token that is let in; repeatable; without one any token is
    #[arg(
        long,
        env = "WHIPPY_MOCK_TOKEN",
        value_name = "TOKEN",
        value_delimiter = ',',
        hide_env_values = true
    )]
    token: Vec<String>,

    /// How long the token of a login is good for, by the world's clock; without it for good
    #[arg(
        long,
        env = "WHIPPY_MOCK_TOKEN_LIFETIME",
        value_name = "SECONDS",
        value_parser = up_to(LONGEST_TOKEN_LIFETIME)
    )]
    token_lifetime: Option<u32>,

    /// Username that may log in; without it any pair may
    #[arg(long, env = "WHIPPY_MOCK_USERNAME", value_name = "NAME")]
    username: Option<String>,

    /// Password of the username
    #[arg(
        long,
        env = "WHIPPY_MOCK_PASSWORD",
        value_name = "SECRET",
        hide_env_values = true
    )]
    password: Option<String>,

    /// The service's clock: the real one, or a moment and what each reading of it takes
    #[arg(
        long,
        env = "WHIPPY_MOCK_CLOCK",
        value_name = "real|TIMESTAMP[,tick=MICROSECONDS]",
        default_value = "real"
    )]
    clock: String,

    /// The service's distance from UTC
    #[arg(
        long,
        env = "WHIPPY_MOCK_UTC_OFFSET",
        value_name = "±HH:MM",
        default_value = "+03:00",
        allow_hyphen_values = true
    )]
    utc_offset: String,

    /// Largest request body, bytes
    #[arg(
        long,
        env = "WHIPPY_MOCK_BODY_LIMIT",
        value_name = "BYTES",
        value_parser = up_to(LARGEST_BODY),
        default_value = "33554432"
    )]
    body_limit: u32,

    /// Most connections at a time; the next is told 503
    #[arg(
        long,
        env = "WHIPPY_MOCK_MAX_CONNECTIONS",
        value_name = "COUNT",
        value_parser = up_to(MOST_CONNECTIONS),
        default_value = "1024"
    )]
    max_connections: u32,

    /// Threads that answer; by default half as many as there are processor cores
    #[arg(
        long,
        env = "WHIPPY_MOCK_THREADS",
        value_name = "COUNT",
        value_parser = up_to(MOST_THREADS)
    )]
    threads: Option<u32>,

    /// How long a client may leave a connection idle, or take over a request
    #[arg(
        long,
        env = "WHIPPY_MOCK_IDLE_TIMEOUT",
        value_name = "SECONDS",
        value_parser = up_to(LONGEST_IDLE),
        default_value = "30"
    )]
    idle_timeout: u32,

    /// Lets things go wrong: a file of rules, or one of the presets
    #[arg(long, env = "WHIPPY_MOCK_FAULTS", value_name = "PRESET|FILE")]
    faults: Option<String>,

    /// Reads the files of --world, --profile and --faults again when they change
    #[arg(
        long,
        env = "WHIPPY_MOCK_WATCH",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = truth,
        action = clap::ArgAction::Set
    )]
    watch: bool,

    /// Origin whose pages may use the API, or `*` for any; the admin paths stay closed
    #[arg(long, env = "WHIPPY_MOCK_CORS_ORIGIN", value_name = "ORIGIN|*")]
    cors_origin: Option<String>,

    /// Keeps every write in this file before it is answered; a restart goes on from it
    #[arg(long, env = "WHIPPY_MOCK_DATA", value_name = "FILE")]
    data: Option<PathBuf>,

    /// What an answered write survives: the end of the process, or a power cut as well
    #[arg(
        long,
        env = "WHIPPY_MOCK_DATA_SYNC",
        value_name = "process|power",
        default_value = "process"
    )]
    data_sync: String,

    /// Most bytes that the file may have; beyond them writes are refused with 507
    #[arg(
        long,
        env = "WHIPPY_MOCK_DATA_LIMIT",
        value_name = "BYTES",
        value_parser = data_limit()
    )]
    data_limit: Option<u64>,

    /// Gives each token a world of its own, where the path names none
    #[arg(
        long,
        env = "WHIPPY_MOCK_ISOLATE_BY_TOKEN",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = truth,
        action = clap::ArgAction::Set
    )]
    isolate_by_token: bool,

    /// Most worlds at a time, beside the default one
    #[arg(
        long,
        env = "WHIPPY_MOCK_MAX_WORLDS",
        value_name = "COUNT",
        value_parser = up_to(MOST_WORLDS),
        default_value = "10000"
    )]
    max_worlds: u32,

    /// How long a world is kept that nobody asks for; 0: for good
    #[arg(
        long,
        env = "WHIPPY_MOCK_WORLD_IDLE",
        value_name = "SECONDS",
        value_parser = from_zero(LONGEST_WORLD_IDLE),
        default_value = "3600"
    )]
    world_idle: u32,

    /// Exchanges that the journal of a world keeps; 0 keeps none
    #[arg(
        long,
        env = "WHIPPY_MOCK_JOURNAL",
        value_name = "COUNT",
        value_parser = from_zero(MOST_EXCHANGES),
        default_value = "1000"
    )]
    journal: u32,

    /// Bytes of a body that the journal keeps; of a longer one the beginning
    #[arg(
        long,
        env = "WHIPPY_MOCK_JOURNAL_BODY",
        value_name = "BYTES",
        value_parser = from_zero(LARGEST_BODY),
        default_value = "65536"
    )]
    journal_body: u32,

    /// Lets other machines use /__admin/, with `Authorization: Bearer TOKEN`
    #[arg(
        long,
        env = "WHIPPY_MOCK_ADMIN_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    admin_token: Option<String>,

    /// Log each request on standard error
    #[arg(long, env = "WHIPPY_MOCK_LOG", value_name = "FORMAT")]
    log: Option<Log>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Log {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

/// The most connections that can be configured.
const MOST_CONNECTIONS: u32 = 1_000_000;

/// The most threads that answer.
const MOST_THREADS: u32 = 1024;

/// The longest idle timeout: a day, in seconds.
const LONGEST_IDLE: u32 = 86_400;

/// The most worlds at a time.
const MOST_WORLDS: u32 = 1_000_000;

/// The longest that an idle world is kept: thirty days, in seconds.
const LONGEST_WORLD_IDLE: u32 = 2_592_000;

/// The longest that a token is good for: ten years, in seconds.
const LONGEST_TOKEN_LIFETIME: u32 = 315_360_000;

/// The most exchanges that a journal keeps.
const MOST_EXCHANGES: u32 = 1_000_000;

/// The largest body limit: 1 GiB.
const LARGEST_BODY: u32 = 1 << 30;

/// Reads a whole number from 1 up.
fn up_to(most: u32) -> impl Fn(&str) -> Result<u32, ValueError> + Clone {
    between(1, most)
}

/// Reads a whole number from 0 up.
fn from_zero(most: u32) -> impl Fn(&str) -> Result<u32, ValueError> + Clone {
    between(0, most)
}

/// Reads a size limit of the data file, in bytes.
fn data_limit() -> impl Fn(&str) -> Result<u64, ValueError> + Clone {
    |text| {
        let number = text.parse().ok().filter(|number| *number >= LEAST_LIMIT);
        number.ok_or(ValueError::DataLimit)
    }
}

/// Reads `true` or `false`, or another word for them that CI systems use.
fn truth(text: &str) -> Result<bool, ValueError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(ValueError::Truth),
    }
}

fn between(least: u32, most: u32) -> impl Fn(&str) -> Result<u32, ValueError> + Clone {
    move |text| {
        let number = text
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number));
        number.ok_or(ValueError::Between(least, most))
    }
}

/// Converts a number from a flag.
fn count(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Half the cores: the tests run on the others, and threads that take turns at one lock gain little
/// from more.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

/// The default address. `localhost` is both `127.0.0.1` and `::1`.
const DEFAULT_LISTEN: &str = "localhost:8000";

/// The default world.
const DEFAULT_WORLD: &str = "documented";

/// Refuses a secret that no client could ever send.
fn check_secret(flag: &'static str, secret: &str) -> Result<(), ArgsError> {
    if secret.contains(['\r', '\n']) {
        return Err(ArgsError::LineBreak(flag));
    }
    Ok(())
}

/// Returns sentences about variables that were probably meant for this program.
pub(crate) fn misspelled_variables() -> Vec<String> {
    // The helpers for JavaScript and Java find the program by this variable, and it inherits it.
    let mut known = vec!["WHIPPY_MOCK_BINARY".to_owned()];
    let command = Cli::command();
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        let variables = command.get_arguments().filter_map(clap::Arg::get_env);
        known.extend(variables.map(|name| name.to_string_lossy().into_owned()));
    }
    let set: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
    environment::misspelled(set.iter().map(OsString::as_os_str), &known)
}

/// Reads an origin: a scheme, a host and perhaps a port, with nothing after them.
fn read_origin(text: &str) -> Result<HeaderValue, ArgsError> {
    let is_origin = text == "*"
        || text.split_once("://").is_some_and(|(scheme, host)| {
            !scheme.is_empty() && !host.is_empty() && !host.contains(['/', ' '])
        });
    HeaderValue::from_str(text)
        .ok()
        .filter(|_| is_origin)
        .ok_or_else(|| {
            let takes = "it takes an origin like https://app.example, or *";
            ArgsError::value("--cors-origin", text, takes)
        })
}

impl ServeArgs {
    /// Builds the mock.
    pub(crate) fn into_mock(self) -> Result<Mock, ArgsError> {
        let listen = self.address()?;
        let local = UtcOffset::parse(&self.utc_offset).ok_or_else(|| {
            let takes = "it takes +HH:MM, -HH:MM or Z";
            ArgsError::value("--utc-offset", &self.utc_offset, takes)
        })?;
        let clock = ClockMode::parse(&self.clock, local)
            .map_err(|why| ArgsError::value("--clock", &self.clock, format!("{why}; or `real`")))?;
        let credentials = self.credentials()?;
        let mut tokens = self.token.iter();
        tokens.try_for_each(|token| check_secret("--token", token))?;
        if let Some(token) = self
            .token
            .iter()
            .find(|t| t.is_empty() || t.contains(char::is_whitespace))
        {
            let takes = "a token is not empty and has no spaces";
            return Err(ArgsError::value("--token", token, takes));
        }
        let cors = self.cors_origin.as_deref().map(read_origin).transpose()?;
        let limits = Limits {
            body: count(self.body_limit),
            connections: count(self.max_connections),
            idle: Duration::from_secs(self.idle_timeout.into()),
        };
        let defects = self
            .defect
            .iter()
            .map(|name| defects::named(name.trim()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|why| ArgsError::content("--defect", why))?;
        let sources = Sources {
            world: self.world.clone(),
            profile: self.profile.clone(),
            readings: self.reading.clone(),
            faults: self.faults.clone(),
        };
        // Looked at before the files are read, so that any later change is noticed.
        let watch = self.watch(&sources)?;
        let settings = Settings {
            profile: sources.profile()?,
            tokens: self.token.clone(),
            token_lifetime: self
                .token_lifetime
                .map(|seconds| i64::from(seconds) * 1_000_000),
            revocations: 0,
            credentials,
            local,
        };
        let seed = Seed {
            settings,
            store: sources.world()?,
            clock,
        };
        let start = Start {
            seed,
            defects: Defects::new(defects),
            faults: sources.faults()?,
        };
        let options = self.log_options()?;
        let tls = self.tls.read(&listen)?;
        let (worlds, note) = self.worlds(start, options)?;
        let secrets = self
            .token
            .iter()
            .chain(&self.password)
            .chain(&self.admin_token);
        let redactor = Redactor::new(secrets.map(String::as_str), self.username.as_deref());
        let control = Control {
            redactor,
            data: self.data.map(|path| (path, options)),
            watched: watch.as_ref().map(Watch::files).unwrap_or_default(),
            ..Control::new(self.admin_token, Instant::now())
        };
        let server = Server {
            control,
            cors,
            limits,
            log: self.log.map(|log| {
                let format = match log {
                    Log::Text => LogFormat::Text,
                    Log::Json => LogFormat::Json,
                };
                RequestLog::new(format, local)
            }),
            ..Server::of_worlds(worlds)
        };
        Ok(Mock {
            listen,
            tls,
            ca_out: self.tls.ca_out,
            server,
            watch,
            note,
            threads: self.threads.map_or_else(default_threads, count),
        })
    }

    /// Returns the address to listen on, after checking that it is protected well enough.
    fn address(&self) -> Result<Address, ArgsError> {
        let given = self.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
        let listen = Address::parse(given).ok_or_else(|| {
            let hint = match given.split_once("://") {
                Some((_, rest)) => format!("; try {}", rest.trim_end_matches('/')),
                None => String::new(),
            };
            let takes = "it takes HOST:PORT, or unix:PATH with a path of up to 107 bytes";
            ArgsError::value("--listen", given, format!("{takes}{hint}"))
        })?;
        if self.admin_token.as_deref() == Some("") {
            return Err(ArgsError::Empty("--admin-token"));
        }
        if let Some(token) = &self.admin_token {
            check_secret("--admin-token", token)?;
        }
        if self.admin_token.is_none() && !listen.is_of_this_machine() {
            return Err(ArgsError::Unguarded(listen));
        }
        Ok(listen)
    }

    fn credentials(&self) -> Result<Option<(String, String)>, ArgsError> {
        if let Some(password) = &self.password {
            check_secret("--password", password)?;
        }
        if let Some(username) = &self.username {
            check_secret("--username", username)?;
        }
        match (&self.username, &self.password) {
            (Some(username), Some(password)) if username.is_empty() || password.is_empty() => {
                Err(ArgsError::Empty("--username and --password"))
            }
            (Some(username), Some(password)) => Ok(Some((username.clone(), password.clone()))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(ArgsError::Needs("--username", "--password")),
            (None, Some(_)) => Err(ArgsError::Needs("--password", "--username")),
        }
    }

    /// Starts watching the files, if `--watch` asks for it.
    fn watch(&self, sources: &Sources) -> Result<Option<Watch>, ArgsError> {
        if !self.watch {
            return Ok(None);
        }
        let watch = Watch::new(sources.clone());
        if watch.files().is_empty() {
            return Err(ArgsError::NothingToWatch);
        }
        if self.data.is_some() && sources.world_file().is_some() {
            return Err(ArgsError::WatchedWorld(self.world.clone()));
        }
        Ok(Some(watch))
    }

    /// Builds the worlds, in memory or from a file. Also returns a note to print, if there is one.
    fn worlds(
        &self,
        start: Start,
        options: LogOptions,
    ) -> Result<(Worlds, Option<String>), ArgsError> {
        let world_limits = WorldLimits {
            worlds: count(self.max_worlds),
            // Worlds in a file are not dropped for being idle.
            idle: (self.world_idle > 0 && self.data.is_none())
                .then(|| i64::from(self.world_idle) * 1_000_000),
        };
        let share = JournalShare::new(JournalLimits {
            exchanges: count(self.journal),
            body: count(self.journal_body),
            ..JournalLimits::default()
        });
        let by_token = self.isolate_by_token;
        match &self.data {
            None => Ok((Worlds::new(start, world_limits, by_token, share), None)),
            Some(path) => {
                let kept = durable::Log::open(path, options);
                let kept = kept.map_err(|why| ArgsError::content("--data", why))?;
                let note = self.note_on(path, &start, &kept.1);
                let worlds = Worlds::durable(start, world_limits, by_token, share, kept);
                let worlds = worlds.map_err(|why| ArgsError::content("--data", why))?;
                Ok((worlds, note))
            }
        }
    }

    /// Returns a note where the file's world is another than the flag's.
    fn note_on(&self, path: &Path, start: &Start, kept: &[KeptWorld]) -> Option<String> {
        let known = kept.iter().find(|world| world.name == DEFAULT)?;
        let is_other = known.store.name() != start.seed.store.name();
        (is_other && self.world != DEFAULT_WORLD).then(|| {
            format!(
                "the default world comes from --data {}; --world {} is the seed of a reset and \
                 of new worlds",
                path.display(),
                self.world
            )
        })
    }

    fn log_options(&self) -> Result<LogOptions, ArgsError> {
        let sync = match self.data_sync.as_str() {
            "process" => Sync::Process,
            "power" => Sync::Power,
            other => {
                let takes = "it takes process or power";
                return Err(ArgsError::value("--data-sync", other, takes));
            }
        };
        Ok(LogOptions {
            sync,
            limit: self.data_limit,
        })
    }
}
