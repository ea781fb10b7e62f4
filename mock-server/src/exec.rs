//! `whippy-mock exec`: a whole step of a pipeline in one line. The mock starts on a free
//! port, a command runs against it, and both are judged.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use whippy_mock::findings::{self, Coverage, FindingLevel, Format, WorldVerdict};
use whippy_mock::server::{Address, Server, system_time};

use crate::mock::Mock;

/// What a command is run for.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The command and its arguments.
    pub(crate) command: Vec<OsString>,
    /// The token that it is given.
    pub(crate) token: String,
    /// The least grave finding that fails the run; `None`: none does.
    pub(crate) fail_on: Option<FindingLevel>,
    /// The least coverage of the documented responses, percent.
    pub(crate) fail_under: f64,
    /// Reports to write: the format and where.
    pub(crate) reports: Vec<(Format, PathBuf)>,
}

/// The exit code for a command that cannot be run, as shells have it.
const NOT_RUN: u8 = 127;

/// Runs the command against the server, says what came of it, and ends as the command did,
/// or with 1 where that was well and the mock has something to say.
pub(crate) async fn run(trial: Trial, mock: Mock) -> ExitCode {
    let free = Address::Tcp("127.0.0.1:0".to_owned());
    let listener = match mock.bind(&free).await {
        Ok(listener) => listener,
        Err(sentence) => return failed(&sentence),
    };
    let Some(address) = listener.local_address() else {
        return failed("the system gives no address");
    };
    let url = match (&mock.tls, mock.ca()) {
        (None, _) => format!("http://{address}"),
        (Some(_), Some(_)) => format!("https://{address}"),
        // The certificates of others are for names, as a rule.
        (Some(_), None) => format!("https://localhost:{}", address.port()),
    };
    let ca = match ca_file(&mock) {
        Ok(ca) => ca,
        Err(error) => return failed(&format!("no file can be written for the CA: {error}")),
    };
    let server = mock.into_server();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&server).run(listener, stopped));
    let ended = obey(&trial, &url, ca.as_ref().map(CaFile::path)).await;
    let _ = stop.send(true);
    let _ = running.await;
    let ended = match ended {
        Ok(ended) => ended,
        Err(sentence) => {
            eprintln!("whippy-mock: {sentence}");
            return ExitCode::from(NOT_RUN);
        }
    };
    let verdicts = verdicts(&server);
    eprint!("{}", findings::report(&verdicts, Format::Text));
    for (format, path) in &trial.reports {
        let text = findings::report(&verdicts, *format);
        if let Err(error) = std::fs::write(path, text) {
            return failed(&format!("--report {}: {error}", path.display()));
        }
    }
    conclude(&trial, &verdicts, ended)
}

/// Where the command finds the CA.
enum CaFile {
    /// In the file that was asked for, by its whole path: the command may run elsewhere.
    Named(PathBuf),
    /// In one that is gone when this is dropped.
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

/// Runs the command to its end; what stops the mock stops the command. It is told the CA by
/// a variable of its own: those that clients know by themselves would have them trust
/// nobody else any more.
async fn obey(trial: &Trial, url: &str, ca: Option<&Path>) -> Result<ExitStatus, String> {
    let (program, arguments) = trial.command.split_first().ok_or("there is no command")?;
    let named = |error| format!("cannot run `{}`: {error}", program.to_string_lossy());
    let mut child = Command::new(program)
        .args(arguments)
        .env("WHIPPY_URL", url)
        .env("WHIPPY_TOKEN", &trial.token)
        .envs(ca.map(|path| ("WHIPPY_CA_FILE", path)))
        .kill_on_drop(true)
        .spawn()
        .map_err(named)?;
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return child.wait().await.map_err(named);
    };
    loop {
        let told = tokio::select! {
            ended = child.wait() => return ended.map_err(named),
            _ = terminate.recv() => true,
            // The terminal tells the whole group, the command as well.
            _ = interrupt.recv() => false,
        };
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        if let (true, Some(pid)) = (told, pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// The worlds that were asked anything.
fn verdicts(server: &Server) -> Vec<WorldVerdict> {
    let now = system_time();
    let worlds = server.worlds.all();
    let verdict = |world: &Arc<whippy_mock::worlds::LiveWorld>| {
        let verdict = world.judge().verdict(&**world.name(), now);
        (verdict.coverage.requests > 0 || !verdict.findings.is_empty()).then_some(verdict)
    };
    worlds.iter().filter_map(verdict).collect()
}

fn conclude(trial: &Trial, verdicts: &[WorldVerdict], ended: ExitStatus) -> ExitCode {
    let grave = verdicts.iter().flat_map(|verdict| &verdict.findings);
    let grave = grave.filter(|finding| trial.fail_on.is_some_and(|least| finding.level >= least));
    let grave = grave.count();
    let percent = Coverage::joined(verdicts.iter().map(|verdict| &verdict.coverage)).percent();
    if !ended.success() {
        // Killed by a signal, it has no code; shells say 128 and the signal's number.
        use std::os::unix::process::ExitStatusExt as _;
        let code = ended
            .code()
            .or_else(|| ended.signal().map(|signal| 128 + signal));
        eprintln!("whippy-mock: the command failed ({ended})");
        return ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
    }
    if verdicts.is_empty() {
        eprintln!("whippy-mock: the command asked nothing of WHIPPY_URL");
    }
    let mut is_well = true;
    if let (Some(least), true) = (trial.fail_on, grave > 0) {
        eprintln!(
            "whippy-mock: {grave} finding{} of level {} or graver (--fail-on)",
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
