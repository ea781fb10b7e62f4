//! `whippy-mock exec`: a whole step of a pipeline in one command. The mock starts on a free port, a
//! command runs against it, and both are judged.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;

use tokio::sync::watch;
use whippy_engine::findings::{self, Coverage, FindingLevel, Format, WorldVerdict};
use whippy_mock::child;
use whippy_mock::http::{Address, Server, system_time};

use crate::cli::NOTHING_ASKED;
use crate::cli::mock::Mock;

/// A command to run, and the standards by which its run is judged.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The command and its arguments.
    pub(crate) command: Vec<OsString>,
    /// The token for the command, in `WHIPPY_TOKEN`.
    pub(crate) token: String,
    /// The lowest level of a finding that fails the run; `None`: findings never fail it.
    pub(crate) fail_on: Option<FindingLevel>,
    /// The least coverage of the documented responses, percent.
    pub(crate) fail_under: f64,
    /// Reports to write: format and path.
    pub(crate) reports: Vec<(Format, PathBuf)>,
    /// Is true where an address was given; otherwise the mock takes a free port.
    pub(crate) listens: bool,
}

/// Runs the command against the server and prints the verdict. Returns the command's exit code, or
/// 1 where the command succeeded and the verdict fails the run.
pub(crate) async fn run(trial: Trial, mut mock: Mock) -> ExitCode {
    for (_, path) in &trial.reports {
        // Checked before the tests run, which may take long.
        let opened = OpenOptions::new().append(true).create(true).open(path);
        if let Err(error) = opened {
            eprintln!("whippy-mock: --report {}: {error}", path.display());
            return ExitCode::from(2);
        }
    }
    let free = Address::Tcp("127.0.0.1:0".to_owned());
    let address = if trial.listens { &mock.listen } else { &free };
    let listener = match mock.bind(address).await {
        Ok(listener) => listener,
        Err(error) => return failed(&error.to_string()),
    };
    let Some(address) = listener.local_address() else {
        return failed("the system gives no address");
    };
    let url = match (&mock.tls, mock.ca()) {
        (None, _) => format!("http://{address}"),
        (Some(_), Some(_)) => format!("https://{address}"),
        // A certificate from files is usually for names, not for addresses.
        (Some(_), None) => format!("https://localhost:{}", address.port()),
    };
    let ca = match ca_file(&mock) {
        Ok(ca) => ca,
        Err(error) => return failed(&format!("no file can be written for the CA: {error}")),
    };
    // Tests with a world each drop it when they end.
    mock.server.worlds.keep_judges();
    let server = mock.into_server();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&server).run(listener, stopped));
    let mut variables: Vec<(&str, &OsStr)> = vec![
        ("WHIPPY_URL", url.as_ref()),
        ("WHIPPY_TOKEN", trial.token.as_ref()),
    ];
    // The CA has a variable of its own: with the variables that clients know, they would trust no
    // other CA any more.
    let [upper, lower] = ["NO_PROXY", "no_proxy"].map(|name| without_proxy(std::env::var_os(name)));
    variables.extend([("NO_PROXY", &*upper), ("no_proxy", &*lower)]);
    if let Some(ca) = &ca {
        variables.push(("WHIPPY_CA_FILE", ca.path().as_os_str()));
    }
    let ended = child::obey(&trial.command, &variables).await;
    let _ = stop.send(true);
    let _ = running.await;
    let ended = match ended {
        Ok(ended) => ended,
        Err(why) => {
            eprintln!("whippy-mock: {why}");
            return ExitCode::from(child::NOT_RUN);
        }
    };
    let verdicts = verdicts(&server);
    if !verdicts.is_empty() {
        eprint!("{}", findings::report(&verdicts, Format::Text));
    }
    for (format, path) in &trial.reports {
        let text = match format {
            Format::Junit => findings::junit(&verdicts, trial.fail_on),
            other => findings::report(&verdicts, *other),
        };
        if let Err(error) = write_report(*format, path, &text) {
            return failed(&format!("--report {}: {error}", path.display()));
        }
    }
    conclude(&trial, &verdicts, ended)
}

/// Writes a report. Markdown is appended, since a summary of a workflow is one file for all
/// commands of a step.
fn write_report(format: Format, path: &Path, text: &str) -> std::io::Result<()> {
    if format != Format::Markdown {
        return std::fs::write(path, text);
    }
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let written = file.metadata()?.len();
    file.write_all(findings::summary_addition(text, written).as_bytes())
}

/// Returns the list of hosts reached without a proxy, with the mock's own at the end.
fn without_proxy(known: Option<OsString>) -> OsString {
    let mut hosts = known.unwrap_or_default();
    if !hosts.is_empty() {
        hosts.push(",");
    }
    hosts.push("127.0.0.1,localhost,::1");
    hosts
}

/// The file in which the command finds the CA.
enum CaFile {
    /// The requested file, by its absolute path: the command may run in another folder.
    Named(PathBuf),
    /// A temporary file, which is removed when this is dropped.
    Passing(tempfile::NamedTempFile),
}

impl CaFile {
    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Passing(file) => file.path(),
        }
    }
}

fn ca_file(mock: &Mock) -> std::io::Result<Option<CaFile>> {
    let Some(ca) = mock.ca() else {
        return Ok(None);
    };
    if let Some(path) = &mock.ca_out {
        return Ok(Some(CaFile::Named(std::path::absolute(path)?)));
    }
    let mut file = tempfile::Builder::new()
        .prefix("whippy-mock-ca-")
        .suffix(".pem")
        .tempfile()?;
    file.write_all(ca.as_bytes())?;
    Ok(Some(CaFile::Passing(file)))
}

/// Returns the verdicts on the worlds that got a request, dropped ones included.
fn verdicts(server: &Server) -> Vec<WorldVerdict> {
    let mut verdicts = server.worlds.verdicts(system_time());
    verdicts.retain(|verdict| verdict.coverage.requests > 0 || !verdict.findings.is_empty());
    let redactor = &server.control.redactor;
    let verdicts = verdicts.into_iter();
    verdicts.map(|verdict| verdict.redacted(redactor)).collect()
}

fn conclude(trial: &Trial, verdicts: &[WorldVerdict], ended: ExitStatus) -> ExitCode {
    let grave = verdicts.iter().flat_map(|verdict| &verdict.findings);
    let grave = grave.filter(|finding| trial.fail_on.is_some_and(|least| finding.level >= least));
    let grave = grave.count();
    let percent = Coverage::joined(verdicts.iter().map(|verdict| &verdict.coverage)).percent();
    if !ended.success() {
        eprintln!("whippy-mock: the command failed ({ended})");
        return ExitCode::from(child::exit_code(ended));
    }
    if verdicts.is_empty() {
        eprintln!(
            "whippy-mock: the command asked nothing of WHIPPY_URL, so nothing was tested; does \
             your client read WHIPPY_URL?"
        );
        return ExitCode::from(NOTHING_ASKED);
    }
    let mut is_well = true;
    if let (Some(least), true) = (trial.fail_on, grave > 0) {
        eprintln!(
            "whippy-mock: {grave} finding{} of level {} or higher (--fail-on)",
            if grave == 1 { "" } else { "s" },
            least.text()
        );
        is_well = false;
    }
    if percent < trial.fail_under {
        eprintln!(
            "whippy-mock: {percent:.0} % of the documented responses were met, less than {} % (--fail-under)",
            trial.fail_under
        );
        is_well = false;
    }
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn failed(sentence: &str) -> ExitCode {
    eprintln!("whippy-mock: {sentence}");
    ExitCode::FAILURE
}
