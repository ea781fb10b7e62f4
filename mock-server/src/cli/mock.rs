//! A mock as the arguments describe it, before it listens.

use std::path::PathBuf;
use std::sync::Arc;

use whippy_mock::http::{Address, BindError, Listener, Server, Tls};

use crate::cli::reload::Watch;

/// A mock that does not listen yet.
#[derive(Debug)]
pub(crate) struct Mock {
    /// The address to listen on.
    pub(crate) listen: Address,
    /// The certificate and key, where it speaks TLS.
    pub(crate) tls: Option<Tls>,
    /// The file to which the CA was written.
    pub(crate) ca_out: Option<PathBuf>,
    /// The server with its worlds.
    pub(crate) server: Server,
    /// The files that are read again when they change.
    pub(crate) watch: Option<Watch>,
    /// A sentence to print before it listens.
    pub(crate) note: Option<String>,
    /// The number of threads that answer.
    pub(crate) threads: usize,
}

impl Mock {
    /// Listens at an address, with TLS if so configured.
    pub(crate) async fn bind(&self, address: &Address) -> Result<Listener, BindError> {
        let listener = Listener::bind(address).await?;
        Ok(match &self.tls {
            Some(tls) => listener.with_tls(tls),
            None => listener,
        })
    }

    /// Returns the CA that was made for it, as PEM; `None` where none was.
    pub(crate) fn ca(&self) -> Option<&str> {
        self.tls.as_ref().and_then(Tls::ca)
    }

    /// Returns the server, which follows its watched files from now on.
    pub(crate) fn into_server(self) -> Arc<Server> {
        let server = Arc::new(self.server);
        if let Some(watch) = self.watch {
            tokio::spawn(watch.run(Arc::clone(&server)));
        }
        server
    }
}
