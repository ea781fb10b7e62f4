//! How a connection comes to its end: by itself, told to stop, or out of time.

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

/// How long a connection that ran out of time has to close by itself.
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

/// Drives a connection until it ends, is told to stop, or runs out of time. Time and the
/// word to stop are watched by a task of their own: a connection wakes for every request,
/// and asking a timer and a shared channel each time would cost more than the answer.
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
        // What the client did wrong is its own to see; there is nobody to tell here.
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

/// Waits until the connection should close, and then until it has had its time to.
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
            // Over HTTP/2 a request that ends badly would end alone.
            () = activity.is_parting.notified() => {
                let _ = close.send(());
                let _ = cut.send(());
                return;
            }
        }
    }
    let _ = close.send(());
    // One that hangs in the middle of a head or of an answer does not close by itself.
    tokio::time::sleep(GRACE.min(idle)).await;
    while activity.is_busy() {
        tokio::time::sleep(GRACE.min(idle)).await;
    }
    let _ = cut.send(());
}
