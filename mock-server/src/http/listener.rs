//! Addresses to listen at: a host and a port, with or without TLS, or a Unix socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::task::Poll;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::line::Arrived;
use super::tls::Tls;
use crate::system::SocketListener;

/// The prefix that marks the path of a Unix socket.
const UNIX: &str = "unix:";

/// The longest path of a socket that the system accepts, bytes.
const LONGEST_PATH: usize = 107;

/// An address to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `HOST:PORT`. A host that does not exist is found out only by listening.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Reads `HOST:PORT` or `unix:PATH`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix(UNIX) {
            let is_path = (1..=LONGEST_PATH).contains(&path.len()) && !path.contains('\0');
            return is_path.then(|| Self::Unix(path.into()));
        }
        let (host, port) = text.rsplit_once(':')?;
        let is_address = !host.is_empty() && port.parse::<u16>().is_ok();
        is_address.then(|| Self::Tcp(text.to_owned()))
    }

    /// Returns the host, without the brackets of an IPv6 address; `None` for a Unix socket.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp(address) => {
                let (host, _) = address.rsplit_once(':')?;
                Some(host.trim_start_matches('[').trim_end_matches(']'))
            }
            Self::Unix(_) => None,
        }
    }

    /// Returns `true` if only this machine can connect, judged by the text alone: no name is looked
    /// up.
    pub fn is_of_this_machine(&self) -> bool {
        self.host().is_none_or(|host| {
            host.eq_ignore_ascii_case("localhost")
                || host
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// A socket on which connections arrive.
pub struct Listener(Bound);

enum Bound {
    /// One socket, or for `localhost` one for each version of IP.
    Tcp(Vec<TcpListener>, Option<TlsAcceptor>),
    Unix(SocketListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Bound::Tcp(vec![listener], None))
    }
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address.
    pub address: Address,
    /// The system's reason.
    pub why: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, why } = self;
        write!(f, "cannot listen on {address}: {why}")?;
        match (why.kind(), address) {
            (io::ErrorKind::AddrInUse, Address::Tcp(_)) => {
                f.write_str("; `--listen 127.0.0.1:0` takes a free port")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {}

impl Listener {
    /// Listens at an address.
    pub async fn bind(address: &Address) -> Result<Self, BindError> {
        let bound = match address {
            Address::Tcp(host_and_port) => bind_tcp(host_and_port)
                .await
                .map(|sockets| Bound::Tcp(sockets, None)),
            Address::Unix(path) => SocketListener::bind(path).map(Bound::Unix),
        };
        bound.map(Self).map_err(|why| BindError {
            address: address.clone(),
            why,
        })
    }

    /// Adds TLS. A Unix socket goes without, since its bytes never leave the machine.
    #[must_use]
    pub fn with_tls(self, tls: &Tls) -> Self {
        Self(match self.0 {
            Bound::Tcp(sockets, _) => Bound::Tcp(sockets, Some(tls.acceptor())),
            unix @ Bound::Unix(_) => unix,
        })
    }

    /// Returns the bound address, with the port that the system chose; `None` for a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Bound::Tcp(sockets, _) => sockets.first()?.local_addr().ok(),
            Bound::Unix(_) => None,
        }
    }

    /// Returns the base URL, or `unix:PATH`; `None` where the system does not tell the address.
    pub fn url(&self) -> Option<String> {
        match &self.0 {
            Bound::Tcp(_, None) => Some(format!("http://{}", self.local_address()?)),
            Bound::Tcp(_, Some(_)) => Some(format!("https://{}", self.local_address()?)),
            Bound::Unix(listener) => Some(format!("{UNIX}{}", listener.path().display())),
        }
    }

    /// Waits for the next connection, and returns it with the peer's address. A peer on a Unix
    /// socket counts as this machine, port 0.
    pub(super) async fn accept(&self) -> io::Result<(Arrived, SocketAddr)> {
        match &self.0 {
            Bound::Tcp(sockets, acceptor) => {
                let (stream, peer) = accept_on_any(sockets).await?;
                let arrived = match acceptor {
                    None => Arrived::Tcp(stream),
                    Some(acceptor) => Arrived::Tls(stream, acceptor.clone()),
                };
                Ok((arrived, peer))
            }
            Bound::Unix(listener) => {
                let stream = listener.accept().await?;
                Ok((Arrived::Unix(stream), (Ipv4Addr::LOCALHOST, 0).into()))
            }
        }
    }
}

/// Connections that the system queues until they are accepted; it may allow fewer.
const BACKLOG: u32 = 4_096;

/// The number of attempts to find a port that is free for both versions of IP.
const ATTEMPTS: usize = 8;

/// Listens on a host and a port. `localhost` means `127.0.0.1` and `::1`, whatever the hosts
/// file says, since clients differ in which of the two they try.
async fn bind_tcp(host_and_port: &str) -> io::Result<Vec<TcpListener>> {
    let is_local = host_and_port
        .rsplit_once(':')
        .filter(|(host, _)| host.eq_ignore_ascii_case("localhost"));
    let port = is_local.and_then(|(_, port)| port.parse::<u16>().ok());
    let Some(port) = port else {
        let mut last = io::Error::other("the name has no address");
        for address in tokio::net::lookup_host(host_and_port).await? {
            match listen(address) {
                Ok(socket) => return Ok(vec![socket]),
                Err(error) => last = error,
            }
        }
        return Err(last);
    };
    let mut attempts = 1..=ATTEMPTS;
    loop {
        let bound = bind_local(port);
        let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
        let is_last = attempts.next().is_none_or(|attempt| attempt == ATTEMPTS);
        // A port that is free for one version may be taken for the other.
        if port != 0 || is_last || !bound.as_ref().is_err_and(is_taken) {
            return bound;
        }
    }
}

fn bind_local(port: u16) -> io::Result<Vec<TcpListener>> {
    let mut sockets = Vec::with_capacity(2);
    let mut port = port;
    for address in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        match listen(SocketAddr::new(address, port)) {
            Ok(socket) => {
                port = socket.local_addr()?.port();
                sockets.push(socket);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            // A machine may lack one of the two versions.
            Err(error) if sockets.is_empty() && address.is_ipv6() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(sockets)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // On Windows this option would let two servers share a port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept_on_any(sockets: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    std::future::poll_fn(|context| {
        let mut polls = sockets.iter().map(|socket| socket.poll_accept(context));
        polls.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// Returns `true` if the next accept would fail again at once.
pub(super) fn is_lasting(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
