//! Flags from three layers: the command line, then the environment, then the settings file. Every
//! flag has a variable and a key of the same meaning, and an error names the one that its value
//! came from.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgAction, CommandFactory, FromArgMatches};
use whippy_engine::suggest::did_you_mean;

use super::args::Cli;
use super::origins::{Origins, VARIABLES, variable};
use super::refusal::Refusal;
use super::settings::{self, Setting, Value};

/// Groups of flags that replace each other.
const RIVALS: &[&[&str]] = &[
    &["token", "token-file"],
    &["password", "password-file"],
    &["admin-token", "admin-token-file"],
    &["read-only", "write"],
];

/// Commands that send requests or judge traffic. Their flags are the possible settings.
const ASKING: &[&str] = &["run", "explore", "calibrate", "watch", "check-har"];

/// Reads the command line, and adds flags from the environment and the settings file.
pub(crate) fn read(origins: &mut Origins) -> Result<Cli, Refusal> {
    let mut given: Vec<OsString> = std::env::args_os().collect();
    let command = Cli::command();
    let matches = command.clone().try_get_matches_from(&given)?;
    if let Some((name, matches)) = matches.subcommand()
        && let Some(subcommand) = command.find_subcommand(name)
    {
        let mut layers = Layers::new(&command, subcommand, origins);
        layers.note_the_command_line(matches)?;
        layers.add_the_environment()?;
        layers.add_the_settings_file()?;
        // Right after the name of the command, since later words may be `--` and operands.
        given.splice(2..2, layers.words);
    }
    let matches = command.try_get_matches_from(&given)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

/// The layers of a command's flags, the strongest first.
struct Layers<'a> {
    command: &'a clap::Command,
    subcommand: &'a clap::Command,
    origins: &'a mut Origins,
    /// Flags that a stronger layer has set, and their rivals.
    settled: HashSet<String>,
    config: Option<PathBuf>,
    /// Words to add to the command line.
    words: Vec<OsString>,
}

impl<'a> Layers<'a> {
    fn new(
        command: &'a clap::Command,
        subcommand: &'a clap::Command,
        origins: &'a mut Origins,
    ) -> Self {
        Self {
            command,
            subcommand,
            origins,
            settled: HashSet::new(),
            config: None,
            words: Vec::new(),
        }
    }

    fn note_the_command_line(&mut self, matches: &clap::ArgMatches) -> Result<(), Refusal> {
        let mut said = Vec::new();
        for flag in flags(self.subcommand) {
            let id = flag.get_id().as_str();
            if matches.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            let Some(name) = flag.get_long() else {
                continue;
            };
            let mut values = matches.get_raw(id).into_iter().flatten();
            if values.any(is_blank) {
                return Err(without_value(&format!("--{name}"), "or leave it out"));
            }
            said.push((name.to_owned(), format!("--{name}")));
        }
        if is_flag(self.subcommand, "config") {
            self.config = matches.get_one::<PathBuf>("config").cloned();
        }
        self.settle(&said)
    }

    fn add_the_environment(&mut self) -> Result<(), Refusal> {
        let known: Vec<String> = self
            .command
            .get_subcommands()
            .flat_map(flags)
            .filter_map(|flag| flag.get_long().map(variable))
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut said = Vec::new();
        let mut variables: Vec<_> = std::env::vars_os().collect();
        variables.sort();
        for (name, value) in variables {
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(VARIABLES)) else {
                continue;
            };
            let name = format!("{VARIABLES}{rest}");
            if !known.contains(&name.as_str()) {
                if is_service_link(rest, &value) {
                    continue;
                }
                let hint = did_you_mean(&name, known.iter().copied());
                return Err(Refusal::usage(format!(
                    "there is no variable {name}; {hint}`whippy-conformance run --help` lists the flags"
                )));
            }
            let flag = flags(self.subcommand)
                .find(|flag| flag.get_long().map(variable).as_deref() == Some(&name));
            if let Some(flag) = flag
                && let Some(flag_name) = flag.get_long()
                && !self.settled.contains(flag_name)
            {
                let value = value_of_variable(flag, flag_name, &name, &value)?;
                if flag_name == "config" {
                    self.config = value.first().map(PathBuf::from);
                }
                self.add(flag_name, &value, &name)?;
                self.origins.note(flag_name, &name);
                said.push((flag_name.to_owned(), name));
            }
        }
        self.settle(&said)
    }

    fn add_the_settings_file(&mut self) -> Result<(), Refusal> {
        if !is_flag(self.subcommand, "config") {
            return Ok(());
        }
        let Some((path, settings)) = settings::read(self.config.take())? else {
            return Ok(());
        };
        let mut said = Vec::new();
        for setting in settings {
            let place = format!("{}:{}", path.display(), setting.line);
            self.judge_setting(&path, &setting)?;
            let Setting { key, value, .. } = setting;
            if is_flag(self.subcommand, &key) && !self.settled.contains(&key) {
                self.add(&key, &value, &place)?;
                let origin = format!("{place}: `{key}`");
                self.origins.note(&key, &origin);
                said.push((key, place));
            }
        }
        self.settle(&said)
    }

    /// Refuses a setting that no command knows, or whose value has the wrong kind.
    fn judge_setting(&self, path: &Path, setting: &Setting) -> Result<(), Refusal> {
        let Setting { key, value, line } = setting;
        let place = format!("{}:{line}", path.display());
        let refused = |why: String| Err(Refusal::usage(format!("{place}: {why}")));
        let asking = ASKING.iter();
        let asking = asking.filter_map(|name| self.command.find_subcommand(name));
        let known: Vec<&clap::Arg> = asking
            .flat_map(flags)
            .filter(|flag| flag.get_long() != Some("config"))
            .collect();
        let flag = known.iter().find(|flag| flag.get_long() == Some(key));
        let Some(flag) = flag else {
            let known: Vec<&str> = known.iter().filter_map(|flag| flag.get_long()).collect();
            let hint = did_you_mean(key, known.iter().copied());
            return refused(format!(
                "there is no setting `{key}`; {hint}`whippy-conformance run --help` lists the flags, which are the settings"
            ));
        };
        if let Some(why) = settings::secret(key, value) {
            return refused(why);
        }
        let is_switch = matches!(flag.get_action(), ArgAction::SetTrue);
        let is_list = matches!(flag.get_action(), ArgAction::Append);
        match value {
            Value::Switch(_) if !is_switch => {
                refused(format!("`{key}` takes a value, not true or false"))
            }
            Value::Texts(_) if is_switch => refused(format!("`{key}` takes true or false")),
            Value::Texts(texts) if !is_list && texts.len() != 1 => {
                refused(format!("`{key}` takes one value"))
            }
            Value::Texts(texts)
                if texts.is_empty() || texts.iter().any(|text| is_blank(text.as_ref())) =>
            {
                Err(without_value(
                    &format!("{place}: `{key}`"),
                    "or remove the line",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Adds a flag, if its value is allowed.
    fn add(&mut self, flag: &str, value: &Value, origin: &str) -> Result<(), Refusal> {
        let words: Vec<OsString> = match value {
            Value::Switch(false) => Vec::new(),
            Value::Switch(true) => vec![format!("--{flag}").into()],
            Value::Texts(texts) => texts
                .iter()
                .map(|text| format!("--{flag}={text}").into())
                .collect(),
        };
        let mut alone: Vec<OsString> = vec!["".into(), self.subcommand.get_name().into()];
        alone.extend(words.iter().cloned());
        if let Err(error) = self.command.clone().try_get_matches_from(alone)
            && error.kind() != clap::error::ErrorKind::MissingRequiredArgument
        {
            let text = error.to_string();
            let lines = text.lines().take_while(|line| !line.is_empty());
            let sentence = lines.map(str::trim).collect::<Vec<_>>().join(" ");
            let sentence = sentence.trim_start_matches("error: ");
            return Err(Refusal::usage(format!("{origin}: {sentence}")));
        }
        self.words.extend(words);
        Ok(())
    }

    /// Notes the flags of one layer, and refuses two of them that exclude each other.
    fn settle(&mut self, said: &[(String, String)]) -> Result<(), Refusal> {
        for (flag, origin) in said {
            self.settled.insert(flag.clone());
            for rivals in RIVALS
                .iter()
                .filter(|rivals| rivals.contains(&flag.as_str()))
            {
                let both = said
                    .iter()
                    .find(|(other, _)| other != flag && rivals.contains(&other.as_str()));
                if let Some((_, other)) = both {
                    return Err(Refusal::usage(format!(
                        "{origin} and {other} exclude each other"
                    )));
                }
                self.settled
                    .extend(rivals.iter().map(|rival| (*rival).to_owned()));
            }
        }
        Ok(())
    }
}

/// Returns the value that a variable gives to a flag.
fn value_of_variable(
    flag: &clap::Arg,
    flag_name: &str,
    name: &str,
    value: &OsStr,
) -> Result<Value, Refusal> {
    // A CI server may set an unknown variable to an empty text. Ignoring it could test something
    // else than intended, such as the embedded mock in place of the target.
    if is_blank(value) {
        return Err(without_value(name, "or unset it"));
    }
    let Some(value) = value.to_str() else {
        return Err(Refusal::usage(format!("{name} is not UTF-8")));
    };
    match flag.get_action() {
        ArgAction::SetTrue => switch(value).map(Value::Switch).ok_or_else(|| {
            Refusal::usage(format!(
                "{name} cannot be `{value}`: it takes true or false"
            ))
        }),
        ArgAction::Append => {
            let values = several(flag_name, value);
            if values.is_empty() {
                return Err(without_value(name, "or unset it"));
            }
            Ok(Value::Texts(values))
        }
        _ => Ok(Value::Texts(vec![value.to_owned()])),
    }
}

/// Returns the refusal of a value that is present but empty.
fn without_value(name: &str, otherwise: &str) -> Refusal {
    Refusal::usage(format!(
        "{name} is set but empty: give it a value, {otherwise}"
    ))
}

fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

/// Returns `true` for a variable that Kubernetes sets in every pod for a Service whose name begins
/// like this program's. `rest` is the name without [`VARIABLES`].
fn is_service_link(rest: &str, value: &OsStr) -> bool {
    const TRANSPORTS: &[&str] = &["TCP", "UDP", "SCTP"];
    /// Returns `true` if `rest` is `name`, or ends in `_` and `name`.
    fn ends_with(rest: &str, name: &str) -> bool {
        let before = rest.strip_suffix(name);
        before.is_some_and(|before| before.is_empty() || before.ends_with('_'))
    }
    let words: Vec<&str> = rest.split('_').collect();
    let is_port_of_service = |pair: &[&str]| pair == ["SERVICE", "PORT"];
    if ends_with(rest, "SERVICE_HOST") || words.windows(2).any(is_port_of_service) {
        return true;
    }
    let is_address = value.to_str().is_some_and(|value| {
        let scheme = value.split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| TRANSPORTS.iter().any(|t| t.eq_ignore_ascii_case(scheme)))
    });
    if ends_with(rest, "PORT") && is_address {
        return true;
    }
    words.windows(3).any(|parts| {
        let is_number = parts[1].bytes().all(|byte| byte.is_ascii_digit());
        parts[0] == "PORT" && is_number && TRANSPORTS.contains(&parts[2])
    })
}

/// Returns the flags of a command, without those of every command.
fn flags(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    let own = command.get_arguments();
    own.filter(|arg| {
        arg.get_long()
            .is_some_and(|name| name != "help" && name != "version")
    })
}

fn is_flag(command: &clap::Command, name: &str) -> bool {
    flags(command).any(|flag| flag.get_long() == Some(name))
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Splits the values in one variable. A comma in braces belongs to a glob, and a comma in a header
/// to the header.
fn several(flag: &str, text: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let parts = text.split(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == '\n' || (c == ',' && depth <= 0 && flag != "header")
    });
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}
