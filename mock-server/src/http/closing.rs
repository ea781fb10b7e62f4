//! The end of a connection: by itself, on request, or by timeout.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as HyperService;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::sync::{oneshot, watch};

use super::activity::Activity;
use super::line::Line;
use super::payload::Payload;

/// The longest time that a timed-out connection has to close by itself.
const GRACE: Duration = Duration::from_secs(1);

/// A connection that can be told to end.
pub(super) trait Closing: Future {
    /// Lets what is in flight finish, and takes nothing new.
    fn close(self: Pin<&mut Self>);
}

impl<S> Closing for http1::Connection<TokioIo<Line>, S>
where
    S: HyperService<Request<Incoming>, Response = Response<Payload>>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Closing for auto::Connection<'_, TokioIo<Line>, S, TokioExecutor>
where
    S: HyperService<Request<Incoming>, Response = Response<Payload>>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Drives a connection until it ends, is told to stop, or runs out of time. A task of its own
/// watches the time and the signal to stop: a connection wakes for every request, and asking a
/// timer and a shared channel each time would cost more than the answer.
pub(super) async fn watch_over(
    connection: impl Closing,
    activity: &Arc<Activity>,
    idle: Duration,
    stop: watch::Receiver<bool>,
) {
    let (close, told_to_close) = oneshot::channel();
    let (cut, cut_off) = oneshot::channel();
    let watcher = tokio::spawn(watch_time(Arc::clone(activity), idle, stop, close, cut));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        // A protocol error of the client is not reported: nobody here could act on it.
        _ = connection.as_mut() => {}
        _ = told_to_close => {
            connection.as_mut().close();
            tokio::select! {
                biased;
                _ = connection.as_mut() => {}
                _ = cut_off => {}
            }
        }
    }
    watcher.abort();
}

/// Waits until the connection should close, gives it time to do so, and then cuts it.
async fn watch_time(
    activity: Arc<Activity>,
    idle: Duration,
    mut stop: watch::Receiver<bool>,
    close: oneshot::Sender<()>,
    cut: oneshot::Sender<()>,
) {
    while let Some(left) = activity.left_of(idle) {
        tokio::select! {
            _ = stop.changed() => break,
            () = tokio::time::sleep(left) => {}
            // Over HTTP/2 a request that ends badly would end alone, so the connection is cut.
            () = activity.is_parting.notified() => {
                let _ = close.send(());
                let _ = cut.send(());
                return;
            }
        }
    }
    let _ = close.send(());
    // A connection that stands still inside a head or an answer does not close by itself.
    tokio::time::sleep(GRACE.min(idle)).await;
    while activity.is_busy() {
        tokio::time::sleep(GRACE.min(idle)).await;
    }
    let _ = cut.send(());
}
