//! Where a server listens: a host and a port, with TLS or without, or a Unix socket.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use super::line::Arrived;
use super::tls::Tls;

/// What stands before the path of a Unix socket.
const UNIX: &str = "unix:";

/// The longest path that the system takes for a socket, bytes.
const LONGEST_PATH: usize = 107;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `HOST:PORT`; whether there is such a host, listening tells.
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

    /// The host, without the brackets of an IPv6 address; a Unix socket has none.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp(address) => {
                let (host, _) = address.rsplit_once(':')?;
                Some(host.trim_start_matches('[').trim_end_matches(']'))
            }
            Self::Unix(_) => None,
        }
    }

    /// Whether this machine alone can connect, as far as can be told without asking who
    /// has the name.
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
    Tcp(TcpListener),
    Tls(TcpListener, TlsAcceptor),
    Unix(UnixListener, SocketFile),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Bound::Tcp(listener))
    }
}

impl Listener {
    /// Listens at an address; a sentence where that cannot be.
    pub async fn bind(address: &Address) -> Result<Self, String> {
        let bound = match address {
            Address::Tcp(host_and_port) => TcpListener::bind(host_and_port).await.map(Bound::Tcp),
            Address::Unix(path) => {
                bind_unix(path).map(|(listener, file)| Bound::Unix(listener, file))
            }
        };
        bound.map(Self).map_err(|error| {
            let hint = match (error.kind(), address) {
                (io::ErrorKind::AddrInUse, Address::Tcp(_)) => {
                    "; `--listen 127.0.0.1:0` takes a free port"
                }
                _ => "",
            };
            format!("cannot listen on {address}: {error}{hint}")
        })
    }

    /// The same with TLS. A Unix socket goes without: nobody is on the way.
    #[must_use]
    pub fn with_tls(self, tls: &Tls) -> Self {
        Self(match self.0 {
            Bound::Tcp(listener) | Bound::Tls(listener, _) => Bound::Tls(listener, tls.acceptor()),
            unix @ Bound::Unix(..) => unix,
        })
    }

    /// Where it listens, with the port that it was given; `None` for a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Bound::Tcp(listener) | Bound::Tls(listener, _) => listener.local_addr().ok(),
            Bound::Unix(..) => None,
        }
    }

    /// The base URL of who listens, or `unix:PATH`; `None` where the system does not tell.
    pub fn url(&self) -> Option<String> {
        match &self.0 {
            Bound::Tcp(_) => Some(format!("http://{}", self.local_address()?)),
            Bound::Tls(..) => Some(format!("https://{}", self.local_address()?)),
            Bound::Unix(_, file) => Some(format!("{UNIX}{}", file.path.display())),
        }
    }

    /// The next connection, and who is there. Whoever has come by a Unix socket is on this
    /// machine, and has no other address than its own.
    pub(super) async fn accept(&self) -> io::Result<(Arrived, SocketAddr)> {
        match &self.0 {
            Bound::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Arrived::Tcp(stream), peer))
            }
            Bound::Tls(listener, acceptor) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Arrived::Tls(stream, acceptor.clone()), peer))
            }
            Bound::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Arrived::Unix(stream), (Ipv4Addr::LOCALHOST, 0).into()))
            }
        }
    }
}

/// Listens on a Unix socket. What a server left there that is no more is replaced; a live
/// one, and what is no socket at all, are left alone.
fn bind_unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let taken = |why: &str| io::Error::new(io::ErrorKind::AddrInUse, why);
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let found = fs::symlink_metadata(path)?;
            if !found.file_type().is_socket() {
                return Err(taken("what is there is no socket, and is left as it is"));
            }
            match std::os::unix::net::UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Ok(_) => return Err(taken("another server listens there")),
                Err(error) => return Err(error),
            }
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    let file = SocketFile {
        path: path.to_owned(),
        own: identity(&fs::symlink_metadata(path)?),
    };
    Ok((listener, file))
}

/// The file of a Unix socket, which goes when nobody listens any more.
struct SocketFile {
    path: PathBuf,
    own: (u64, u64),
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have taken the place meanwhile.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.own) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether accepting again at once would fail again.
pub(super) fn is_lasting(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
