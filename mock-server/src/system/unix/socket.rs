//! Unix sockets.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;
/// A connection over a Unix socket.
pub use tokio::net::UnixStream as SocketStream;

use super::identity;

/// A listening Unix socket. Its file is removed when it is dropped.
#[derive(Debug)]
pub struct SocketListener {
    listener: UnixListener,
    file: SocketFile,
}

impl SocketListener {
    /// Listens at a path. A socket left by a dead server is replaced; that of a live one, and any
    /// other file, are left alone.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let taken = |why: &str| io::Error::new(io::ErrorKind::AddrInUse, why);
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if !is_socket(path)? {
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
        Ok(Self { listener, file })
    }

    /// The path of the socket.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<SocketStream> {
        Ok(self.listener.accept().await?.0)
    }
}

fn is_socket(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::FileTypeExt as _;
    Ok(fs::symlink_metadata(path)?.file_type().is_socket())
}

/// The file of a Unix socket, which is removed when it is dropped.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    own: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have put its socket there meanwhile.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.own) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Sends a request to the server of a socket, and returns the whole answer. Each step may take as
/// long as `patience`.
pub fn ask_socket(path: &Path, request: &[u8], patience: Duration) -> io::Result<String> {
    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
