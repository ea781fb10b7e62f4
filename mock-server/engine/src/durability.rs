//! The durability of a write: one side settles it, the other waits for it.
//!
//! The engine stores nothing itself. A [`Reply`](crate::engine::Reply) carries the [`Pending`]
//! of the log behind it, so that no answer is sent too early.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The error of a write that could not be made durable, so nothing of it was written. `Display`
/// gives a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKept(Arc<str>);

impl NotKept {
    /// An error with a sentence that tells the reason.
    pub fn new(sentence: impl Into<Arc<str>>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotKept {}

/// A group of writes that become durable together.
#[derive(Debug, Default)]
pub struct Commit {
    is_kept: AtomicBool,
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Result<(), NotKept>>,
    wakers: Vec<Waker>,
}

impl Commit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles the outcome, and wakes everybody who waits for it.
    pub fn settle(&self, outcome: Result<(), NotKept>) {
        self.is_kept.store(outcome.is_ok(), Ordering::Release);
        let wakers = {
            let mut state = self.state();
            state.outcome = Some(outcome);
            std::mem::take(&mut state.wakers)
        };
        self.settled.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A future that resolves when a write is durable or has failed.
#[derive(Debug)]
pub struct Pending {
    commit: Arc<Commit>,
    /// The index of this future's waker.
    slot: Option<usize>,
}

impl Clone for Pending {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.commit))
    }
}

impl Pending {
    /// A future that resolves with the commit.
    pub fn of(commit: Arc<Commit>) -> Self {
        Self { commit, slot: None }
    }

    /// Settled from the start.
    pub fn settled(outcome: Result<(), NotKept>) -> Self {
        let commit = Commit::default();
        commit.settle(outcome);
        Self::of(Arc::new(commit))
    }

    /// Returns `true` once the write is durable.
    pub fn is_kept(&self) -> bool {
        self.commit.is_kept.load(Ordering::Acquire)
    }

    /// Blocks the thread until the outcome is known.
    pub fn wait(&self) -> Result<(), NotKept> {
        let state = self
            .commit
            .settled
            .wait_while(self.commit.state(), |state| state.outcome.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.outcome.clone().unwrap_or(Ok(()))
    }
}

impl Future for Pending {
    type Output = Result<(), NotKept>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.is_kept() {
            return Poll::Ready(Ok(()));
        }
        let mut state = this.commit.state();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(outcome.clone());
        }
        let waker = context.waker();
        if let Some(known) = this.slot.and_then(|slot| state.wakers.get_mut(slot)) {
            known.clone_from(waker);
        } else {
            this.slot = Some(state.wakers.len());
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }
}
