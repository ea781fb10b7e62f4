//! A client that follows the exchanges, and the events of its stream.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{mpsc, watch};

use super::sampler::{self, Sampler};
use crate::admin::Followed;
use whippy_engine::exchange::Exchange;
use whippy_engine::model::time::UtcOffset;
use whippy_engine::redact::Redactor;

/// The interval of comments that keep a quiet stream alive.
const ALIVE: Duration = Duration::from_secs(15);

/// The size at which events waiting together are sent, bytes, about.
const BATCH: usize = 256 * 1024;

/// A client that follows the exchanges as server-sent events.
pub(super) struct Follower {
    pub(super) followed: Followed,
    pub(super) redactor: Redactor,
    pub(super) local: UtcOffset,
    /// The longest that a follower takes to read an event before it is cut off.
    pub(super) patience: Duration,
    pub(super) sender: mpsc::Sender<Bytes>,
}

impl Follower {
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let missed = std::mem::take(&mut self.followed.missed);
        let mut sampler = Sampler::new(self.followed.per_second, Instant::now());
        // Some of them may come again through the feed.
        let mut told: HashSet<u64> = missed.iter().map(|exchange| exchange.id).collect();
        for exchange in missed {
            if !self.tell(event(&exchange, self.local)).await {
                return;
            }
        }
        loop {
            // While exchanges are left out, they are counted many at a time: to be woken for
            // each of them would cost the server more than to send a few.
            let text = if sampler.has_skipped() {
                tokio::select! {
                    biased;
                    _ = stop.changed() => return,
                    () = tokio::time::sleep(sampler::REST) => self.drain(&mut sampler, &mut told),
                }
            } else {
                tokio::select! {
                    biased;
                    _ = stop.changed() => return,
                    next = self.followed.feed.recv() => match next {
                        Ok(exchange) => self.take(&exchange, &mut sampler, &mut told, Instant::now()),
                        Err(RecvError::Lagged(count)) => lost(count),
                        Err(RecvError::Closed) => return,
                    },
                    // A comment tells proxies in between that the stream is alive.
                    () = tokio::time::sleep(ALIVE) => ":\n\n".to_owned(),
                }
            };
            if !text.is_empty() && !self.tell(text).await {
                return;
            }
        }
    }

    /// Returns the events of all exchanges that have arrived meanwhile.
    fn drain(&mut self, sampler: &mut Sampler, told: &mut HashSet<u64>) -> String {
        let now = Instant::now();
        let mut text = String::new();
        while text.len() < BATCH {
            match self.followed.feed.try_recv() {
                Ok(exchange) => text += &self.take(&exchange, sampler, told, now),
                Err(TryRecvError::Lagged(count)) => text += &lost(count),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if sampler.is_due(now) {
            text += &skipped(sampler, now);
        }
        text
    }

    /// Returns the event of an exchange, or an empty text where it is left out.
    fn take(
        &self,
        exchange: &Exchange,
        sampler: &mut Sampler,
        told: &mut HashSet<u64>,
        now: Instant,
    ) -> String {
        if !self.follows(exchange) || told.remove(&exchange.id) || !sampler.admits(now) {
            return String::new();
        }
        skipped(sampler, now) + &event(&exchange.redacted(&self.redactor), self.local)
    }

    fn follows(&self, exchange: &Exchange) -> bool {
        let world = self.followed.world.as_deref();
        world.is_none_or(|world| world == &*exchange.world) && self.followed.wanted.fits(exchange)
    }

    /// Sends events on; returns `false` once nobody reads.
    async fn tell(&self, text: String) -> bool {
        let told = self.sender.send(Bytes::from(text));
        matches!(tokio::time::timeout(self.patience, told).await, Ok(Ok(())))
    }
}

fn event(exchange: &Exchange, local: UtcOffset) -> String {
    format!(
        "id: {}\nevent: exchange\ndata: {}\n\n",
        exchange.id,
        exchange.json(local)
    )
}

/// The event with the number of exchanges that a reader was too slow for.
fn lost(count: u64) -> String {
    format!("event: lost\ndata: {{\"exchanges\":{count}}}\n\n")
}

/// The event with the number of exchanges left out; empty where none was.
fn skipped(sampler: &mut Sampler, now: Instant) -> String {
    match sampler.take_skipped(now) {
        0 => String::new(),
        count => format!("event: skipped\ndata: {{\"exchanges\":{count}}}\n\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::worlds::journal::Wanted;
    use http::Request;
    use tokio::sync::broadcast;

    fn exchange(id: u64) -> Arc<Exchange> {
        let request = Request::new(Bytes::new());
        Arc::new(Exchange::of(request, id, Arc::from("default"), 0))
    }

    #[tokio::test]
    async fn an_exchange_is_told_once_and_in_whatever_order_the_numbers_are() {
        let (feed, (sender, mut events)) = (broadcast::Sender::new(8), mpsc::channel(8));
        let follower = Follower {
            followed: Followed {
                world: None,
                wanted: Wanted::default(),
                missed: vec![exchange(6)],
                feed: feed.subscribe(),
                per_second: None,
            },
            redactor: Redactor::default(),
            local: UtcOffset::UTC,
            patience: Duration::from_secs(10),
            sender,
        };
        for id in [6, 5, 7] {
            feed.send(exchange(id)).unwrap();
        }
        drop(feed);
        let (_running, stop) = watch::channel(false);
        follower.run(stop).await;
        let mut ids = Vec::new();
        while let Some(event) = events.recv().await {
            let text = String::from_utf8(event.to_vec()).unwrap();
            ids.push(text.lines().next().unwrap().to_owned());
        }
        assert_eq!(ids, ["id: 6", "id: 5", "id: 7"]);
    }
}
