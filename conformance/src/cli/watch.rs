//! `watch`: listens, passes everything on, judges it and reports.

use std::io::IsTerminal;
use std::process::ExitStatus;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::{Level, Secrets};
use whippy_conformance::run::verdict::{Exit, conclude};
use whippy_conformance::traffic::proxy::{Proxy, ProxyOptions, QueueLimits, Seen, queue};
use whippy_conformance::traffic::recording::Recording;
use whippy_conformance::traffic::{Circumstances, Notice, Terms, Watcher};
use whippy_conformance::workers::Stopwatch;
use whippy_conformance::workers::system_time;
use whippy_engine::findings::FindingLevel;
use whippy_engine::model::time::UtcOffset;
use whippy_mock::child;
use whippy_mock::system::EndSignals;

use super::args::{JudgingArgs, WatchArgs};
use super::connection::transport;
use super::interrupt::BY_SIGNAL;
use super::plan::{self, Wanted};
use super::printing::{self, print};
use super::refusal::Refusal;

/// The default address to listen on.
const LISTEN: &str = "127.0.0.1:0";

/// The default time limit for an answer. It is generous, since the requests are the client's.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The default for the largest part of a body that is copied for the judge, bytes.
const BODY_LIMIT: u64 = 4 * 1024 * 1024;

/// The default for the largest size of a recording, bytes.
const RECORD_LIMIT: u64 = 256 * 1024 * 1024;

/// The judge at its end, and the recording.
struct Judged {
    watcher: Watcher,
    recording: Option<Recording>,
}

/// The end of a watch.
enum Ending {
    /// The time was up, or a signal came.
    Watched,
    /// The command ended.
    Command(ExitStatus),
    /// The command could not be run.
    NotRun(String),
    /// The time was up before the command ended.
    Late,
}

/// Runs the command and returns its exit code.
pub(crate) fn watch(args: &WatchArgs) -> Result<u8, Refusal> {
    let wanted = plan::reports(&args.judging.report)?;
    let upstream = args.upstream.as_deref().ok_or_else(|| {
        Refusal::usage("watch takes the service that it stands before: give --upstream URL")
    })?;
    let (mut options, secrets) = transport(upstream, &args.transport)?;
    options.timeout = args.transport.timeout.unwrap_or(TIMEOUT);
    let body_limit = args.body_limit.unwrap_or(BODY_LIMIT);
    let options = ProxyOptions {
        upstream: options,
        preserve_host: args.preserve_host,
        body_limit: usize::try_from(body_limit).unwrap_or(usize::MAX),
    };
    let (inlet, seen) = queue(QueueLimits::default());
    let proxy = Proxy::new(options, inlet)
        .map_err(|error| Refusal::usage(secrets.redact(&format!("--upstream: {error}"))))?;
    let advice = (!args.preserve_host).then_some("give --preserve-host");
    let base = proxy.base().to_owned();
    let watcher = Watcher::new(terms(&args.judging, base.clone(), secrets, advice)?);
    let recording = args.record.as_deref().map(|folder| {
        let limit = args.record_limit.unwrap_or(RECORD_LIMIT);
        Recording::create(folder, limit).map_err(|why| Refusal::usage(format!("--record {why}")))
    });
    let recording = recording.transpose()?;

    let (now, watch) = (system_time(), Stopwatch::start());
    // One thread passes everything on, so that tasks need not move between threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::no_verdict(format!("the system gives no sockets: {error}")))?;
    let listen = args.listen.as_deref().unwrap_or(LISTEN);
    let listener = runtime
        .block_on(TcpListener::bind(listen))
        .map_err(|error| Refusal::usage(format!("--listen {listen}: {error}")))?;
    let address = listener
        .local_addr()
        .map_err(|error| Refusal::no_verdict(format!("--listen {listen}: {error}")))?;
    let url = format!("http://{address}");
    if wanted.iter().any(|wanted| wanted.path.is_none()) {
        eprintln!("Listening on {url}");
    } else {
        print(&format!("Listening on {url}\n"))?;
    }
    let judge = judge(seen, watcher, recording, base.clone(), args.judging.quiet);
    let ending = runtime.block_on(pass_on(args, proxy, listener, &url));
    end_at_once_from_now_on();
    // Exchanges in flight end here, and then the queue.
    drop(runtime);
    let judged = judge
        .join()
        .map_err(|_| Refusal::no_verdict("the judge panicked, which is a fault of its own"))?;
    if let Some(recording) = judged.recording {
        let lines = recording
            .finish()
            .map_err(|why| Refusal::no_verdict(format!("--record: {why}")))?;
        for line in lines {
            eprintln!("{line}");
        }
    }
    let about = Circumstances {
        target: format!("{base}, watched from {url}"),
        started: in_utc(now),
        micros: watch.micros(),
        ended: Some(system_time()),
        skipped: Vec::new(),
    };
    let code = tell(judged.watcher, about, &args.judging, &wanted)?;
    let (why, ends_with) = match ending {
        Ending::Command(ended) if !ended.success() => {
            let why = format!("the command failed ({ended})");
            (why, child::exit_code(ended))
        }
        Ending::NotRun(why) => (why, child::NOT_RUN),
        Ending::Late => {
            let why = "the command was stopped: it did not end in the time of --for";
            (why.to_owned(), code.max(Exit::Findings.code()))
        }
        Ending::Command(_) | Ending::Watched => return Ok(code),
    };
    eprintln!("whippy-conformance: {why}");
    Ok(ends_with)
}

/// Returns the terms on which traffic is judged.
pub(crate) fn terms(
    args: &JudgingArgs,
    base: String,
    secrets: Secrets,
    advice: Option<&'static str>,
) -> Result<Terms, Refusal> {
    let (profile, held) = plan::profile(args.profile.as_deref())?;
    Ok(Terms {
        contract: Contract::embedded().map_err(Refusal::no_verdict)?,
        profile,
        held,
        base,
        level: args.level.unwrap_or(Level::Must),
        fail_on: args
            .fail_on
            .map_or(Some(FindingLevel::Warning), |fail_on| fail_on.0),
        secrets,
        advice,
    })
}

/// Writes the reports and prints the summary. Returns the exit code.
pub(crate) fn tell(
    watcher: Watcher,
    about: Circumstances,
    args: &JudgingArgs,
    wanted: &[Wanted],
) -> Result<u8, Refusal> {
    let mut report = watcher.report(about);
    conclude(&mut report, false);
    printing::write_reports(&report, wanted)?;
    let is_terminal = std::io::stdout().is_terminal();
    let look = printing::look(args.color.unwrap_or_default(), is_terminal);
    printing::summarise(&report, wanted, args.quiet, look, false)?;
    Ok(report.exit_code)
}

/// Formats a moment for reports.
pub(crate) fn in_utc(at: whippy_engine::model::time::Timestamp) -> String {
    at.to_text(UtcOffset::UTC)
}

/// Starts the judge, which works until the queue ends.
fn judge(
    seen: Seen,
    mut watcher: Watcher,
    mut recording: Option<Recording>,
    base: String,
    is_quiet: bool,
) -> JoinHandle<Judged> {
    std::thread::spawn(move || {
        while let Some((exchanges, dropped)) = seen.next() {
            watcher.dropped(dropped);
            for mut observed in exchanges {
                for Notice { about, text } in watcher.see(&mut observed) {
                    if !is_quiet {
                        eprintln!("{about:8} {text}");
                    }
                }
                if let Some(recording) = &mut recording {
                    recording.keep(&observed, &base, &mut watcher);
                }
            }
        }
        Judged { watcher, recording }
    })
}

/// Passes requests on until a signal comes, the time is up, or the command has ended.
async fn pass_on(args: &WatchArgs, proxy: Proxy, listener: TcpListener, url: &str) -> Ending {
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(Arc::new(proxy).run(listener, stopped));
    let time_is_up = async {
        match args.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let ending = if args.command.is_empty() {
        tokio::select! {
            () = asked_to_end() => {}
            () = time_is_up => {}
        }
        Ending::Watched
    } else {
        let variables = [("WHIPPY_URL", url)];
        tokio::select! {
            ended = child::obey(&args.command, &variables) => {
                ended.map_or_else(|why| Ending::NotRun(why.to_string()), Ending::Command)
            }
            () = time_is_up => Ending::Late,
        }
    };
    let _ = stop.send(true);
    // A second signal means that exchanges in flight are not waited for.
    tokio::select! {
        _ = serving => {}
        () = asked_to_end() => {}
    }
    ending
}

/// Makes the next signal end the process: judging the rest and reporting may take long.
fn end_at_once_from_now_on() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime {
            runtime.block_on(asked_to_end());
            eprintln!("whippy-conformance: ended before its report");
            std::process::exit(BY_SIGNAL);
        }
    });
}

/// Waits for the first signal that asks this process to end.
async fn asked_to_end() {
    match EndSignals::listen() {
        Ok(mut signals) => signals.recv().await,
        Err(_) => std::future::pending().await,
    }
}
