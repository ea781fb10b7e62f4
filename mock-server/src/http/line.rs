//! The byte stream of a connection: TCP, TLS or a Unix socket, and its broken ends.

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

/// The first bytes of a client that speaks HTTP/2 with prior knowledge.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;

/// Bytes of a plain request at a TLS port that are read before the refusal, at most.
const PLAIN: usize = 16 * 1024;

/// A connection that was accepted, before any byte of it was read.
pub(super) enum Arrived {
    Tcp(TcpStream),
    Tls(TcpStream, TlsAcceptor),
    Unix(SocketStream),
}

/// A connection that is ready for HTTP.
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// Is true where the client may be about to speak HTTP/2.
    pub(super) may_be_http2: bool,
}

/// The transport under a connection.
pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(SocketStream),
}

/// The byte stream of a connection, which may end badly.
pub(super) struct Line {
    pub(super) socket: Socket,
    pub(super) activity: Arc<Activity>,
}

impl Arrived {
    /// Waits for the first bytes of the client and, over TLS, for the end of the handshake. Returns
    /// `None` where the client leaves before that or speaks another protocol.
    pub(super) async fn open(self) -> Option<Opened> {
        match self {
            Self::Tcp(stream) => {
                let _ = stream.set_nodelay(true);
                // hyper's reader that detects HTTP/2 costs a copy of every answer, so it serves
                // only clients that may be about to send the preface.
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
                // The future of a handshake is large. Boxed, it takes no room in plain connections.
                let stream = Box::pin(acceptor.accept(stream)).await.ok()?;
                let (_, session) = stream.get_ref();
                Some(Opened {
                    may_be_http2: session.alpn_protocol() == Some(b"h2"),
                    socket: Socket::Tls(Box::new(stream)),
                })
            }
            // A Unix socket cannot be peeked into, so the detecting reader is needed.
            Self::Unix(stream) => Some(Opened {
                may_be_http2: true,
                socket: Socket::Unix(stream),
            }),
        }
    }

    /// Refuses a connection with a 503, without spending a task on it. Over TLS nothing can be sent
    /// before the handshake, so the connection only closes.
    pub(super) fn shed(&self) {
        const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = match self {
            Self::Tcp(stream) => stream.try_write(BUSY),
            Self::Unix(stream) => stream.try_write(BUSY),
            Self::Tls(..) => Ok(0),
        };
    }
}

/// Answers a plain HTTP request on a TLS port with a 400, if the socket takes it at once.
fn refuse_plain(stream: &TcpStream) {
    const PLAINLY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 51\r\nConnection: close\r\n\r\nThis port speaks TLS: the URL begins with https://\n";
    // A connection that is closed with unread bytes is reset, and the answer is lost.
    let mut unread = vec![0; PLAIN];
    let _ = stream.try_read(&mut unread);
    let _ = stream.try_write(PLAINLY);
}

impl Socket {
    /// Returns `true` over TLS.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Writes as much as the socket takes at once, past TLS where there is any.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Tls(stream) => stream.get_ref().0.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// Makes the connection end with a reset.
    fn reset_at_the_end(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_zero_linger(),
            Self::Tls(stream) => stream.get_ref().0.set_zero_linger(),
            // A Unix socket has no reset: the connection ends without an answer.
            Self::Unix(_) => Ok(()),
        }
    }
}

/// Applies an expression to the stream of either kind.
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

    /// Waits until the client stops sending, and discards the bytes that come before that.
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
        // hyper does not read while a request is in flight, since a client may shut down its
        // sending side and still wait for the answer. Where no answer ever comes, a client that
        // stops sending has left. hyper flushes at every wake-up, so this is polled again.
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
