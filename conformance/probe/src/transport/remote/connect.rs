//! The route to a server: its URL in parts, a proxy, and TLS.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use http::uri::{Authority, Uri};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::tls::Tls;
use super::{RemoteOptions, Speaks, UsageError, usage};
use crate::transport::target::TargetError;
use crate::workers::lock;

/// The largest answer of a proxy to a CONNECT, bytes.
const MAX_PROXY_HEAD: usize = 16 * 1024;

/// The route to a server.
pub struct Route {
    /// The base URL, which comes before `/api/v1/`.
    pub base: String,
    /// Host and port as in the URL.
    pub authority: String,
    server: Address,
    tls: Option<Tls>,
    proxy: Option<Proxy>,
    speaks: Speaks,
}

/// A host and a port.
struct Address {
    host: String,
    port: u16,
    text: String,
}

struct Proxy {
    address: Address,
    credentials: Option<HeaderValue>,
}

impl Address {
    fn of(authority: &Authority, default_port: u16) -> Self {
        let port = authority.port_u16().unwrap_or(default_port);
        Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port,
            text: format!("{}:{port}", authority.host()),
        }
    }
}

impl Route {
    /// Determines the route from the options: URL, proxy and TLS.
    pub fn new(options: &RemoteOptions, speaks: Speaks) -> Result<Self, UsageError> {
        let url = options.url.as_str();
        // Checked first, so that no message below contains a secret.
        if url.contains('@') {
            return Err(usage(
                "the URL has a name or a password in it; a token goes into --token",
            ));
        }
        let unusable = |why: &str| usage(format!("`{url}` {why}"));
        let expected = "is no URL like https://HOST[:PORT][/PREFIX]";
        let uri: Uri = url.parse().map_err(|_| unusable(expected))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(unusable(expected));
        };
        if let Some(port) = impossible_port(authority) {
            return Err(unusable(&names_no_port(port)));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(unusable("has more than a path in front of /api/v1/"));
        }
        let prefix = uri.path().trim_end_matches('/');
        if let Some(at) = format!("{prefix}/").find("/api/v1/") {
            return Err(unusable(&format!(
                "has the API's own path in it; the suite adds /api/v1/ to what is in front of it: \
                 give {scheme}://{authority}{}",
                &prefix[..at]
            )));
        }
        let (is_tls, default_port) = if scheme == "https" {
            (true, 443)
        } else {
            (false, 80)
        };
        let server = Address::of(authority, default_port);
        // Browsers and libraries leave the default port out of the Host header.
        let authority = if server.port == default_port {
            authority.host().to_owned()
        } else {
            server.text.clone()
        };
        if speaks == Speaks::Http2 && options.proxy.is_some() && !is_tls {
            return Err(usage(
                "a proxy reads what goes to a URL of http://, and takes no HTTP/2 there",
            ));
        }
        Ok(Self {
            base: format!("{scheme}://{authority}{prefix}"),
            tls: is_tls
                .then(|| Tls::new(options, &server.host, speaks))
                .transpose()?,
            proxy: options.proxy.as_deref().map(proxy).transpose()?,
            speaks,
            authority,
            server,
        })
    }

    /// Returns the target for the request line, given a path and query on the server.
    pub fn target(&self, asked: &Uri) -> Result<Uri, http::uri::InvalidUri> {
        let asked = asked.path_and_query().map_or("/", |target| target.as_str());
        let prefix = self.base.splitn(4, '/').nth(3);
        let prefix = prefix
            .map(|prefix| format!("/{prefix}"))
            .unwrap_or_default();
        match (self.is_absolute_form(), prefix.is_empty()) {
            (true, _) => format!("{}{asked}", self.base).parse(),
            (false, true) => asked.parse(),
            (false, false) => format!("{prefix}{asked}").parse(),
        }
    }

    /// Returns the server's name for errors.
    pub fn peer(&self) -> &str {
        &self.server.text
    }

    /// Returns `true` if HTTP/2 is required.
    pub fn is_http2(&self) -> bool {
        self.speaks == Speaks::Http2
    }

    /// Returns `true` if the request line must name the server, as for a proxy.
    pub fn is_absolute_form(&self) -> bool {
        self.proxy.is_some() && self.tls.is_none()
    }

    /// Returns the header that the proxy needs in every request it reads.
    pub fn proxy_header(&self) -> Option<(HeaderName, HeaderValue)> {
        let proxy = self.proxy.as_ref().filter(|_| self.tls.is_none())?;
        let credentials = proxy.credentials.clone()?;
        Some((PROXY_AUTHORIZATION, credentials))
    }

    /// Opens a connection.
    pub async fn connect(&self) -> Result<Stream, TargetError> {
        let tcp = match &self.proxy {
            None => open(&self.server).await?,
            Some(proxy) => {
                let mut tcp = open(&proxy.address).await?;
                if self.tls.is_some() {
                    self.tunnel(&mut tcp, proxy).await?;
                }
                tcp
            }
        };
        Ok(match &self.tls {
            None => Stream::new(Box::new(tcp), self.is_http2()),
            Some(tls) => {
                let peer = &self.server.text;
                let stream = tls.connect(tcp, peer).await?;
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                if self.is_http2() && !is_http2 {
                    let why = format!("{peer} speaks no HTTP/2; leave out --http2");
                    return Err(TargetError::Unreachable(why));
                }
                Stream::new(Box::new(stream), is_http2)
            }
        })
    }

    /// Makes a proxy connect to the server.
    async fn tunnel(&self, tcp: &mut TcpStream, proxy: &Proxy) -> Result<(), TargetError> {
        let server = &self.server.text;
        let name = &proxy.address.text;
        let failed = |why: &str| {
            TargetError::Unreachable(format!(
                "the proxy {name} does not connect to {server}: {why}"
            ))
        };
        let mut request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n").into_bytes();
        if let Some(credentials) = &proxy.credentials {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(credentials.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        tcp.write_all(&request)
            .await
            .map_err(|error| failed(&error.to_string()))?;
        let mut head = Vec::new();
        loop {
            // Nothing follows the head yet: the server speaks only after a request.
            let read = tcp.read_buf(&mut head).await;
            if read.map_err(|error| failed(&error.to_string()))? == 0 {
                return Err(failed("it closed the connection"));
            }
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut answer = httparse::Response::new(&mut headers);
            match answer.parse(&head) {
                Ok(httparse::Status::Complete(_)) => {
                    return match answer.code {
                        Some(200..=299) => Ok(()),
                        code => Err(failed(&format!("it answers {}", code.unwrap_or_default()))),
                    };
                }
                Ok(httparse::Status::Partial) if head.len() < MAX_PROXY_HEAD => {}
                _ => return Err(failed("what it answers is no HTTP")),
            }
        }
    }
}

/// Returns a port that does not exist. The parser of URLs passes it over, and the default port would
/// be asked in its place.
pub fn impossible_port(authority: &Authority) -> Option<&str> {
    let text = authority.as_str();
    let behind = text.rsplit_once(']').map_or(text, |(_, behind)| behind);
    let (_, port) = behind.rsplit_once(':')?;
    (!port.is_empty() && authority.port_u16().is_none()).then_some(port)
}

/// Formats a sentence about such a port.
fn names_no_port(port: &str) -> String {
    format!("names the port {port}, and ports end at {}", u16::MAX)
}

fn proxy(url: &str) -> Result<Proxy, UsageError> {
    // The URL may contain a password, so the message leaves it out.
    let expected = || usage("the proxy is no URL like http://[USER:PASSWORD@]HOST:PORT");
    let uri: Uri = url.parse().map_err(|_| expected())?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(expected());
    };
    if let Some(port) = impossible_port(authority) {
        return Err(usage(format!("the proxy {}", names_no_port(port))));
    }
    let credentials = match authority.as_str().rsplit_once('@') {
        None => None,
        Some((credentials, _)) => {
            let decoded: Vec<u8> = percent_decode_str(credentials).collect();
            let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(decoded)))
                .map_err(|_| expected())?;
            value.set_sensitive(true);
            Some(value)
        }
    };
    Ok(Proxy {
        address: Address::of(authority, 80),
        credentials,
    })
}

/// Connects to the first address that accepts.
async fn open(address: &Address) -> Result<TcpStream, TargetError> {
    let Address { host, port, text } = address;
    let unreachable = |why: String| TargetError::Unreachable(why);
    let addresses = tokio::net::lookup_host((host.as_str(), *port)).await;
    let addresses = addresses
        .map_err(|error| unreachable(format!("no address is known for {host}: {error}")))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A request is one write, so waiting for more data gains nothing.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(unreachable(match last {
        None => format!("no address is known for {host}"),
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            format!("connection refused by {text}")
        }
        Some(error) => format!("no connection to {text}: {error}"),
    }))
}

/// A stream of bytes, with or without TLS.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The first line received on a connection since it was last cleared.
#[derive(Debug, Clone, Default)]
pub struct FirstLine(Arc<Mutex<Vec<u8>>>);

/// The longest first line that is kept, bytes.
const LONGEST_LINE: usize = 1024;

impl FirstLine {
    /// Forgets the line, so that the next one is kept.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    fn add(&self, bytes: &[u8]) {
        let mut line = lock(&self.0);
        if !line.contains(&b'\n') {
            let room = LONGEST_LINE.saturating_sub(line.len());
            line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Returns the reason phrase in the status line of an answer, if it has more than ASCII.
    pub fn reason(&self, status: StatusCode) -> Option<Vec<u8>> {
        let line = lock(&self.0);
        let end = line.iter().position(|byte| *byte == b'\n')?;
        let mut words = line[..end].trim_ascii_end().splitn(3, |byte| *byte == b' ');
        words.next()?;
        // The line may be that of an interim answer.
        let is_of_answer = words.next()? == status.as_str().as_bytes();
        let reason = words.next()?;
        (is_of_answer && !reason.is_ascii()).then(|| reason.to_vec())
    }
}

/// A connection that notes each arrival of bytes.
pub struct Stream {
    inner: Box<dyn Duplex>,
    /// Is true if both sides agreed on HTTP/2.
    pub is_http2: bool,
    heard: Arc<AtomicBool>,
    first_line: Option<FirstLine>,
}

impl Stream {
    fn new(inner: Box<dyn Duplex>, is_http2: bool) -> Self {
        Self {
            inner,
            is_http2,
            heard: Arc::default(),
            first_line: None,
        }
    }

    /// Starts keeping the first line, and returns it.
    pub fn first_line(&mut self) -> FirstLine {
        self.first_line.get_or_insert_default().clone()
    }

    /// Returns a flag that is set when bytes arrive.
    pub fn heard(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
            if let Some(line) = &self.first_line {
                line.add(&buffer.filled()[before..]);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
