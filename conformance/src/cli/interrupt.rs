//! Ctrl-C: the first one ends the run after the checks under way, and written stocks are cleaned
//! up; the second one ends the process at once.

use std::path::PathBuf;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use whippy_conformance::workers::lock;
use whippy_mock::system::EndSignals;

/// The exit code of a process that SIGINT has ended, as in shells.
pub(crate) const BY_SIGNAL: i32 = 130;

/// The state shared with the listener for signals.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    /// Set by the first signal.
    pub(crate) stop: AtomicBool,
    ledger: Mutex<Option<PathBuf>>,
}

impl Interrupt {
    /// Starts listening. Where the system gives no signals, they end the process as usual.
    pub(crate) fn listen() -> Arc<Self> {
        let interrupt = Arc::new(Self::default());
        let heard = Arc::clone(&interrupt);
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime {
                runtime.block_on(heard.wait(&ready));
            }
        });
        // A thread that failed to listen has dropped its end, which ends the wait too.
        let _ = is_ready.recv();
        interrupt
    }

    /// Sets the ledger that is named if the process ends before its clean-up.
    pub(crate) fn keep_in_mind(&self, ledger: Option<PathBuf>) {
        *lock(&self.ledger) = ledger;
    }

    pub(crate) fn is_set(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn wait(&self, ready: &std::sync::mpsc::Sender<()>) {
        let Ok(mut signals) = EndSignals::listen() else {
            return;
        };
        let _ = ready.send(());
        for is_first in [true, false] {
            signals.recv().await;
            if is_first {
                self.stop.store(true, Ordering::Relaxed);
                eprintln!(
                    "whippy-conformance: ending after the checks under way; again ends it at once"
                );
            }
        }
        let ledger = lock(&self.ledger).take();
        match ledger {
            Some(ledger) => eprintln!("whippy-conformance: ended; {}", to_resume(&ledger)),
            None => eprintln!("whippy-conformance: ended"),
        }
        exit(BY_SIGNAL);
    }
}

/// Returns the advice for a ledger that was kept.
pub(crate) fn to_resume(ledger: &std::path::Path) -> String {
    let ledger = ledger.display();
    format!("`whippy-conformance clean-up --from {ledger}` neutralises what is left")
}
