//! The plan of a run, read and checked before any request: the checks, their level, the readings,
//! and the files of reports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use whippy_conformance::contract::Contract;
use whippy_conformance::model::outcome::Report;
use whippy_conformance::report::Format;
use whippy_conformance::run::baseline::Baseline;
use whippy_conformance::run::catalogue::{self, Check};
use whippy_conformance::run::selection::Selection;
use whippy_conformance::run::verdict::Exit;
use whippy_engine::profile::{Profile, Reading};

use super::args::{CheckArgs, ConnectionArgs, MockArgs, ResultArgs, WritingArgs};
use super::files;
use super::refusal::Refusal;

/// The catalogue: the built-in checks and those of the user's folder.
pub(crate) struct Catalogue {
    pub(crate) contract: Contract,
    pub(crate) checks: Vec<Check>,
    /// The user's case files: names and texts.
    pub(crate) files: Vec<(String, String)>,
}

impl Catalogue {
    /// Reads the built-in checks, and the cases in a folder.
    pub(crate) fn read(folder: Option<&Path>) -> Result<Self, Refusal> {
        let contract = Contract::embedded().map_err(Refusal::no_verdict)?;
        let mut checks = catalogue::built_in(&contract).map_err(Refusal::no_verdict)?;
        let files = folder.map(case_files).transpose()?.unwrap_or_default();
        for (name, yaml) in &files {
            for check in catalogue::from_cases(name, yaml, &contract).map_err(Refusal::usage)? {
                if checks.iter().any(|known| known.id == check.id) {
                    return Err(Refusal::usage(format!(
                        "{name}: there is a check `{}` already: ids are there once",
                        check.id
                    )));
                }
                checks.push(check);
            }
        }
        Ok(Self {
            contract,
            checks,
            files,
        })
    }

    /// Returns the ids of all checks.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.checks.iter().map(|check| check.id.as_str()).collect()
    }
}

/// Reads the YAML files of a folder, in order of their names.
fn case_files(folder: &Path) -> Result<Vec<(String, String)>, Refusal> {
    let named = |path: &Path, error: std::io::Error| {
        Refusal::usage(format!("--cases {}: {error}", path.display()))
    };
    let entries = std::fs::read_dir(folder).map_err(|error| named(folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| named(folder, error))?.path();
        let is_case = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        // macOS and Emacs put files of their own next to others, such as `._case.yaml`.
        let name = path.file_name().unwrap_or_default();
        if is_case && !name.as_encoded_bytes().starts_with(b".") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Refusal::usage(format!(
            "--cases {}: there is no .yaml file in it",
            folder.display()
        )));
    }
    let files = paths.into_iter().map(|path| {
        let text = files::text(&path).map_err(|error| named(&path, error))?;
        Ok((path.display().to_string(), text))
    });
    files.collect()
}

/// Selects the checks that run. A glob that matches nothing is a mistake.
pub(crate) fn selection(args: &CheckArgs, ids: &[&str]) -> Result<Selection, Refusal> {
    let selection = Selection::new(&args.only, &args.skip).map_err(Refusal::usage)?;
    match selection.idle_glob(ids) {
        Some((why, true)) => Err(Refusal::Sentence(Exit::NothingRan, why)),
        Some((why, false)) => Err(Refusal::usage(why)),
        None => Ok(selection),
    }
}

/// Reads the readings that the target is held to: the whole profile, and the choices that the file
/// names.
pub(crate) fn profile(path: Option<&Path>) -> Result<(Profile, BTreeMap<String, String>), Refusal> {
    let mut profile = Profile::default();
    let Some(path) = path else {
        return Ok((profile, BTreeMap::new()));
    };
    let named = |why: String| Refusal::usage(format!("--profile {}: {why}", path.display()));
    let text = files::text(path).map_err(|error| named(error.to_string()))?;
    profile
        .apply_toml(&text)
        .map_err(|error| named(error.to_string()))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| named(error.to_string()))?;
    let choices = Reading::ALL
        .iter()
        .filter(|reading| table.contains_key(reading.id()));
    let choices = choices.map(|reading| (reading.id().to_owned(), profile.choice(*reading)));
    let choices = choices.collect();
    Ok((profile, choices))
}

/// The known findings, and their file.
pub(crate) struct Known {
    pub(crate) path: PathBuf,
    pub(crate) baseline: Baseline,
    pub(crate) is_to_be_updated: bool,
}

impl Known {
    /// Reads the known findings; `None` where no file is named.
    pub(crate) fn read(args: &ResultArgs) -> Result<Option<Self>, Refusal> {
        let Some(path) = &args.baseline else {
            if args.update_baseline {
                return Err(Refusal::usage(
                    "--update-baseline needs --baseline FILE beside it",
                ));
            }
            return Ok(None);
        };
        let named = |why: String| Refusal::usage(format!("--baseline {}: {why}", path.display()));
        let text = match files::text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.update_baseline => {
                String::new()
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(named(
                    "there is no such file; --update-baseline writes one".to_owned(),
                ));
            }
            Err(error) => return Err(named(error.to_string())),
        };
        Ok(Some(Self {
            path: path.clone(),
            baseline: Baseline::parse(&text).map_err(|why| named(why.to_string()))?,
            is_to_be_updated: args.update_baseline,
        }))
    }
}

impl Known {
    /// Refuses a file that names checks in place of causes.
    pub(crate) fn names_causes(&self, ids: &[&str]) -> Result<(), Refusal> {
        match self.baseline.refusal(|id| ids.contains(&id)) {
            None => Ok(()),
            Some(why) => Err(Refusal::usage(format!(
                "--baseline {}: {why}",
                self.path.display()
            ))),
        }
    }

    /// Marks the known findings of a report. Where asked for, new findings are added to the file.
    pub(crate) fn apply(mut self, report: &mut Report, ids: &[&str]) -> Result<(), Refusal> {
        let exists = |id: &str| ids.contains(&id);
        self.baseline.apply(report, exists);
        if self.is_to_be_updated {
            let named = |why: String| {
                Refusal::no_verdict(format!("--baseline {}: {why}", self.path.display()))
            };
            let text = self.baseline.updated(report);
            std::fs::write(&self.path, &text).map_err(|error| named(error.to_string()))?;
            let read = Baseline::parse(&text);
            self.baseline = read.map_err(|why| named(why.to_string()))?;
            self.baseline.apply(report, exists);
        }
        Ok(())
    }
}

/// A requested report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) format: Format,
    /// The file; `None`: it is printed.
    pub(crate) path: Option<PathBuf>,
}

/// Reads `FORMAT=FILE` and `FORMAT`. A file that cannot be written is refused before the run rather
/// than after it.
pub(crate) fn reports(texts: &[String]) -> Result<Vec<Wanted>, Refusal> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for text in texts {
        let (format, file) = text.split_once('=').unwrap_or((text, "-"));
        let refused = |why: String| Refusal::usage(format!("--report {text}: {why}"));
        let format = Format::parse(format).map_err(|why| refused(why.to_string()))?;
        let path = match file {
            "" => return Err(refused("it takes FORMAT=FILE".to_owned())),
            "-" => None,
            file => Some(PathBuf::from(file)),
        };
        if path.as_deref().is_some_and(Path::is_dir) {
            return Err(refused("it is a folder: name a file in it".to_owned()));
        }
        if wanted.iter().any(|other| other.path == path) {
            return Err(refused("another report goes there".to_owned()));
        }
        let folder = path.as_deref().and_then(Path::parent);
        if let Some(folder) =
            folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
        {
            return Err(refused(format!("there is no folder {}", folder.display())));
        }
        wanted.push(Wanted { format, path });
    }
    Ok(wanted)
}

/// Refuses flags that mean nothing without a target, or beside one.
pub(crate) fn combinations(
    connection: &ConnectionArgs,
    writing: &WritingArgs,
    mock: &MockArgs,
) -> Result<(), Refusal> {
    let of_a_target = [
        ("--token", connection.token.is_some()),
        ("--token-file", connection.token_file.is_some()),
        ("--username", connection.username.is_some()),
        ("--password", connection.password.is_some()),
        ("--password-file", connection.password_file.is_some()),
        ("--header", !connection.transport.header.is_empty()),
        ("--timeout", connection.transport.timeout.is_some()),
        ("--rate", connection.rate.is_some()),
        ("--http2", connection.http2),
        ("--ca-cert", connection.transport.ca_cert.is_some()),
        ("--insecure", connection.transport.insecure),
        ("--proxy", connection.transport.proxy.is_some()),
        ("--reset-target", writing.reset_target),
        ("--admin-token", writing.admin_token.is_some()),
        ("--admin-token-file", writing.admin_token_file.is_some()),
        ("--ledger", writing.ledger.is_some()),
    ];
    let of_the_mock = [
        ("--world", mock.world.is_some()),
        ("--defect", !mock.defect.is_empty()),
    ];
    let (flags, why): (&[(&str, bool)], _) = match connection.target {
        None => (
            &of_a_target,
            "is about a target, and there is none: give --target URL",
        ),
        Some(_) => (
            &of_the_mock,
            "is about the mock of its own: leave out --target, or this",
        ),
    };
    match flags.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(Refusal::usage(format!("{flag} {why}"))),
        None => Ok(()),
    }
}
