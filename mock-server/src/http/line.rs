//! The line to a client: TCP, TLS or a Unix socket, and how it ends badly.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, Parting};
use crate::system::SocketStream;

/// What a client that speaks HTTP/2 with prior knowledge sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a handshake of TLS begins with.
const HANDSHAKE: u8 = 0x16;

/// The most of a plain request at a TLS port that is read before it is answered, bytes.
const PLAIN: usize = 16 * 1024;

/// A connection that was accepted, before anything came from it.
pub(super) enum Arrived {
    Tcp(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    Unix(SocketStream),
}

/// A connection that is ready for HTTP.
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// Whether the client may be about to speak HTTP/2.
    pub(super) may_be_http2: bool,
}

/// What the bytes go over.
pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(SocketStream),
}

/// The stream of a connection, which may end badly.
pub(super) struct Line {
    pub(super) socket: Socket,
    pub(super) activity: Arc<Activity>,
}

impl Arrived {
    /// Waits until the client has begun to speak, and over TLS until both sides are agreed;
    /// `None` where it leaves before that, or speaks something else.
    pub(super) async fn open(self) -> Option<Opened> {
        match self {
            Self::Tcp(stream) => {
                let _ = stream.set_nodelay(true);
                // HTTP/1.1 is served without the reader that tells it from HTTP/2, which
                // costs a copy of every answer; that one is for whoever may be about to
                // send the preface.
                let mut first = [0; PREFACE.len()];
                let count = stream.peek(&mut first).await.ok()?;
                let seen = first.get(..count).filter(|seen| !seen.is_empty())?;
                Some(Opened {
                    may_be_http2: PREFACE.starts_with(seen),
                    socket: Socket::Tcp(stream),
                })
            }
            Self::Tls(stream, acceptor) => {
                let _ = stream.set_nodelay(true);
                let mut first = [0];
                stream.peek(&mut first).await.ok()?;
                if first[0].is_ascii_uppercase() {
                    refuse_plain(&stream);
                    return None;
                }
                if first[0] != HANDSHAKE {
                    return None;
                }
                // It is large, and other lines need no room for it.
                let stream = Box::pin(acceptor.accept(stream)).await.ok()?;
                let (_, session) = stream.get_ref();
                Some(Opened {
                    may_be_http2: session.alpn_protocol() == Some(b"h2"),
                    socket: Socket::Tls(Box::new(stream)),
                })
            }
            // There is no looking ahead here, so the reader must.
            Self::Unix(stream) => Some(Opened {
                may_be_http2: true,
                socket: Socket::Unix(stream),
            }),
        }
    }

    /// Turns a connection away without spending a task on it. Over TLS nothing could be
    /// said before the handshake, so nothing is.
    pub(super) fn shed(&self) {
        const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = match self {
            Self::Tcp(stream) => stream.try_write(BUSY),
            Self::Unix(stream) => stream.try_write(BUSY),
            Self::Tls(..) => Ok(0),
        };
    }
}

/// Tells a client that speaks HTTP where TLS is spoken, as well as that can be told.
fn refuse_plain(stream: &TcpStream) {
    const PLAINLY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 51\r\nConnection: close\r\n\r\nThis port speaks TLS: the URL begins with https://\n";
    // A connection that is closed with something unread is reset, and the answer lost.
    let mut unread = vec![0; PLAIN];
    let _ = stream.try_read(&mut unread);
    let _ = stream.try_write(PLAINLY);
}

impl Socket {
    /// Whether it is TLS.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Writes what it takes at once, beside TLS where there is any.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Tls(stream) => stream.get_ref().0.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// Lets the end of the connection be a reset.
    fn reset_at_the_end(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_zero_linger(),
            Self::Tls(stream) => stream.get_ref().0.set_zero_linger(),
            // A Unix socket knows no reset: the connection ends without an answer.
            Self::Unix(_) => Ok(()),
        }
    }
}

/// Does the same with whichever stream it is.
macro_rules! each {
    ($line:expr, $stream:ident => $does:expr) => {
        match &mut $line.get_mut().socket {
            Socket::Tcp($stream) => {
                let $stream = Pin::new($stream);
                $does
            }
            Socket::Tls($stream) => {
                let $stream = Pin::new($stream);
                $does
            }
            Socket::Unix($stream) => {
                let $stream = Pin::new($stream);
                $does
            }
        }
    };
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let line = self.get_mut();
        let polled = Pin::new(&mut *line).poll_socket(context, buffer);
        if buffer.filled().len() > before {
            line.activity.heard();
        }
        polled
    }
}

impl Line {
    fn poll_socket(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read(context, buffer))
    }

    /// Waits for the end of what the client sends, and passes over what comes before it.
    fn poll_gone(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut passed_over = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut passed_over);
            std::task::ready!(self.as_mut().poll_socket(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper does not read while a request is in flight, since a client may have said all
        // that it wants to say. Where it is never answered, a client that says no more has
        // left. hyper flushes each time that it is woken, so this is asked again.
        if self.activity.is_hanging() && self.as_mut().poll_gone(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        each!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Tls(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        match self.activity.parted() {
            Some(Parting::Reset) => drop(self.socket.reset_at_the_end()),
            Some(Parting::Garbage(bytes)) => drop(self.socket.try_write(&bytes)),
            None => {}
        }
    }
}
