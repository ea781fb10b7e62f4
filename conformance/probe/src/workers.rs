//! Threads and the stopwatch. Apart from targets and ledgers, only this module uses the machine.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use whippy_engine::model::time::Timestamp;

/// Returns the time of the system's clock.
pub fn system_time() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// A measurement of elapsed time.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts a stopwatch.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the microseconds since the start.
    pub fn micros(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Locks a mutex even after a panic: no code here leaves a value half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the value of a mutex that nobody else uses any more.
pub fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Processes all items on this many threads, and returns the results in the order of the items.
pub fn spread<T: Sync, R: Send>(jobs: usize, work: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if jobs <= 1 {
        return work.iter().map(each).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(work.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(work.len()) {
            scope.spawn(|| {
                while let Some((position, piece)) = {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    work.get(position).map(|piece| (position, piece))
                } {
                    let result = each(piece);
                    lock(&done).push((position, result));
                }
            });
        }
    });
    let mut done = into_inner(done);
    done.sort_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Calls a function on this many threads, all starting at the same moment.
pub fn race<R: Send>(runners: usize, each: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let line = Barrier::new(runners);
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..runners)
            .map(|runner| {
                let (line, each) = (&line, &each);
                scope.spawn(move || {
                    line.wait();
                    each(runner)
                })
            })
            .collect();
        started
            .into_iter()
            .filter_map(|runner| runner.join().ok())
            .collect()
    })
}
