//! Ctrl-C: the first ends the run after the checks under way, and what was written is
//! cleaned up; the second ends the process.

use std::path::PathBuf;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use whippy_conformance::workers::lock;
use whippy_mock::system::EndSignals;

/// What a process that a signal ended exits with, as shells have it for SIGINT.
pub(crate) const BY_SIGNAL: i32 = 130;

/// What the signals say, and what the second needs to say.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    /// Set by the first.
    pub(crate) stop: AtomicBool,
    ledger: Mutex<Option<PathBuf>>,
}

impl Interrupt {
    /// Listens from now on. Where the system gives no signals, they end the process.
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
        // A thread that gave up has dropped its end.
        let _ = is_ready.recv();
        interrupt
    }

    /// The ledger to name where the process is ended before it has cleaned up.
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

/// What to do about a ledger that was kept.
pub(crate) fn to_resume(ledger: &std::path::Path) -> String {
    let ledger = ledger.display();
    format!("`whippy-conformance clean-up --from {ledger}` neutralises what is left")
}
