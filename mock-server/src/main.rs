//! `whippy-mock`: a fake Whippy Ware on this machine.

#![allow(clippy::print_stdout, clippy::print_stderr)] // It is a command.

mod cli;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::sync::watch;
use whippy_mock::system::{self, EndSignals};

use cli::args::{self, Command, ListingCli};
use cli::mock::Mock;
use cli::origins::{self, Origins};
use cli::{exec, health, listing, replay};

fn main() -> ExitCode {
    system::outlive_file_size_limit();
    if let Ok(cli) = ListingCli::try_parse() {
        return listing::print(&listing::text(cli.listing));
    }
    let (cli, origins) = match origins::read() {
        Ok(read) => read,
        Err(error) => error.exit(),
    };
    for sentence in args::misspelled_variables() {
        eprintln!("whippy-mock: {sentence}");
    }
    match cli.command {
        None => serve(cli.serve, &origins),
        Some(Command::Serve(args)) => serve(*args, &origins),
        Some(Command::Exec(args)) => exec(*args, &origins),
        Some(Command::Health(args)) => health::run(&args.target),
        Some(Command::Replay(args)) => replay::run(&args.bundle, args.check),
        Some(Command::Listing(listing)) => listing::print(&listing::text(listing)),
    }
}

fn serve(args: args::ServeArgs, origins: &Origins) -> ExitCode {
    match args.into_mock() {
        Ok(mock) => run(mock.threads, listen_and_serve(mock)),
        Err(error) => refuse(&origins.blame(&error.to_string())),
    }
}

fn exec(args: args::ExecArgs, origins: &Origins) -> ExitCode {
    match system::run_as_first_process() {
        None => {}
        Some(Ok(ended)) => return ended,
        Some(Err(error)) => {
            eprintln!("whippy-mock: cannot start a process: {error}");
            return ExitCode::FAILURE;
        }
    }
    match args.into_trial() {
        Ok((trial, mock)) => run(mock.threads, exec::run(trial, mock)),
        Err(error) => refuse(&origins.blame(&error.to_string())),
    }
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!("whippy-mock: {sentence}");
    ExitCode::from(2)
}

fn run(threads: usize, story: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("whippy-mock: no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(story);
    // An admin request that is still worked on does not hold up the end.
    runtime.shutdown_timeout(LAST_WORK);
    code
}

/// The longest wait for threads at the end.
const LAST_WORK: Duration = Duration::from_secs(1);

async fn listen_and_serve(mock: Mock) -> ExitCode {
    system::raise_file_limit();
    if let Some(note) = &mock.note {
        eprintln!("whippy-mock: {note}");
    }
    let listener = match mock.bind(&mock.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("whippy-mock: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (Some(url), Ok(mut signals)) = (listener.url(), EndSignals::listen()) else {
        eprintln!("whippy-mock: the system gives no address or no signals");
        return ExitCode::FAILURE;
    };
    let said = listing::print(&greeting(&url, &mock));
    if said != ExitCode::SUCCESS {
        return said;
    }
    let (stop, stopped) = watch::channel(false);
    let mut running = tokio::spawn(mock.into_server().run(listener, stopped));
    tokio::select! {
        () = signals.recv() => {}
        // An admin request asked it to stop.
        _ = &mut running => return ExitCode::SUCCESS,
    }
    let _ = stop.send(true);
    // A second signal means that the user does not want to wait.
    tokio::select! {
        _ = running => ExitCode::SUCCESS,
        () = signals.recv() => ExitCode::FAILURE,
    }
}

/// Returns the text printed once the server listens: the URL in the first line, the defects, and
/// the CA to trust, as a path or else as PEM.
fn greeting(url: &str, mock: &Mock) -> String {
    let defects: Vec<_> = mock.server.worlds.own().defects.names().collect();
    let defects = match defects.as_slice() {
        [] => String::new(),
        some => format!("With defects: {}\n", some.join(", ")),
    };
    let ca = match (mock.ca(), &mock.ca_out) {
        (None, _) => String::new(),
        (Some(_), Some(path)) => format!("Trust the CA in {}\n", path.display()),
        (Some(ca), None) => ca.to_owned(),
    };
    // A program that reads the first line needs no hint at the page.
    let page = if url.starts_with("http") && std::io::stdout().is_terminal() {
        format!("See what it knows at {url}/__admin/\n")
    } else {
        String::new()
    };
    format!("Listening on {url}\n{page}{defects}{ca}")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Far above the time that the end takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn the_end_does_not_wait_for_admin_work() {
        let (release, released) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let code = run(1, async {
            let (start, is_started) = tokio::sync::oneshot::channel();
            tokio::task::spawn_blocking(move || {
                start.send(()).unwrap();
                tell.send(released.recv_timeout(PATIENCE)).unwrap();
            });
            is_started.await.unwrap();
            ExitCode::SUCCESS
        });
        assert_eq!(code, ExitCode::SUCCESS);
        // The work goes on, for nobody has released it.
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty));
        release.send(()).unwrap();
        assert_eq!(told.recv(), Ok(Ok(())));
    }
}
