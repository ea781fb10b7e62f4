//! What the arguments make: a mock, before it listens.

use std::path::PathBuf;
use std::sync::Arc;

use whippy_mock::http::{Address, Listener, Server, Tls};

use crate::cli::reload::Watch;

/// A mock.
#[derive(Debug)]
pub(crate) struct Mock {
    /// Where it is to listen.
    pub(crate) listen: Address,
    /// What it shows over TLS, where it speaks that.
    pub(crate) tls: Option<Tls>,
    /// The file that the CA was written to.
    pub(crate) ca_out: Option<PathBuf>,
    /// What answers.
    pub(crate) server: Server,
    /// The files that are read again when they change.
    pub(crate) watch: Option<Watch>,
    /// What is to be said before it listens.
    pub(crate) note: Option<String>,
    /// How many threads answer.
    pub(crate) threads: usize,
}

impl Mock {
    /// Listens at an address, with TLS if it is to be; a sentence where that cannot be.
    pub(crate) async fn bind(&self, address: &Address) -> Result<Listener, String> {
        let listener = Listener::bind(address).await?;
        Ok(match &self.tls {
            Some(tls) => listener.with_tls(tls),
            None => listener,
        })
    }

    /// The PEM of the CA that was made for it; `None` where none was.
    pub(crate) fn ca(&self) -> Option<&str> {
        self.tls.as_ref().and_then(Tls::ca)
    }

    /// The server, which goes by its files from now on.
    pub(crate) fn into_server(self) -> Arc<Server> {
        let server = Arc::new(self.server);
        if let Some(watch) = self.watch {
            tokio::spawn(watch.run(Arc::clone(&server)));
        }
        server
    }
}
