//! The names under which the values of flags were given: an error about a value from an environment
//! variable names the variable.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::cli::args::Cli;

/// Flags whose values came from variables, each with the variable.
#[derive(Debug, Default)]
pub(crate) struct Origins(Vec<(String, String)>);

impl Origins {
    /// Reads the origins from a parsed command line.
    fn of(command: &Command, matches: &ArgMatches) -> Self {
        let (command, matches) = match matches.subcommand() {
            Some((name, inner)) => (command.find_subcommand(name).unwrap_or(command), inner),
            None => (command, matches),
        };
        let from_variables = command.get_arguments().filter_map(|flag| {
            let source = matches.value_source(flag.get_id().as_str());
            let is_from_variable = source == Some(ValueSource::EnvVariable);
            is_from_variable.then(|| named(flag)).flatten()
        });
        Self(from_variables.collect())
    }

    /// Rewrites a sentence about a flag whose value came from a variable: one that begins with
    /// `--clock` then begins with `WHIPPY_MOCK_CLOCK`.
    pub(crate) fn blame(&self, sentence: &str) -> String {
        let end = sentence.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let (flag, rest) = sentence.split_at(end.unwrap_or(sentence.len()));
        match self.0.iter().find(|(known, _)| known == flag) {
            Some((_, variable)) => format!("{variable}{rest}"),
            None => sentence.to_owned(),
        }
    }
}

/// Returns a flag as it is written, and its variable.
fn named(flag: &clap::Arg) -> Option<(String, String)> {
    let variable = flag.get_env()?.to_str()?;
    Some((format!("--{}", flag.get_long()?), variable.to_owned()))
}

/// Reads the command line and the variables. An error is printed as it is; one about a variable's
/// value names the variable.
pub(crate) fn read() -> Result<(Cli, Origins), clap::Error> {
    let command = Cli::command();
    let matches = command.clone().try_get_matches();
    let matches = matches.map_err(|error| blamed(&command, error))?;
    let cli = Cli::from_arg_matches(&matches)?;
    Ok((cli, Origins::of(&command, &matches)))
}

/// Makes an error of the argument parser, which names flags only, name the variable.
fn blamed(command: &Command, error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let name = shown.split([' ', '[']).next().unwrap_or_default();
    let all = std::iter::once(command).chain(command.get_subcommands());
    let mut flags = all.flat_map(Command::get_arguments).filter_map(named);
    let variable = flags.find(|(flag, _)| flag == name);
    let variable = variable.map(|(_, variable)| variable);
    match variable.filter(|variable| is_set(variable) && !is_given(name, std::env::args_os())) {
        Some(variable) => {
            let mut error = error;
            error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
            error
        }
        None => error,
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// Returns `true` if a flag is on the command line.
fn is_given(flag: &str, words: impl Iterator<Item = OsString>) -> bool {
    let mut words = words.filter_map(|word| word.into_string().ok());
    words.any(|word| word.split('=').next() == Some(flag))
}
