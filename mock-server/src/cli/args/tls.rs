//! The flags for TLS, and the certificate that they lead to.

use std::path::PathBuf;

use clap::Args;
use whippy_mock::http::{Address, Tls, TlsError, is_name, system_time};
use whippy_mock::system::host_name;

use super::{ArgsError, truth};

#[derive(Debug, Args)]
pub(super) struct TlsArgs {
    /// Certificate for TLS, with those that vouch for it behind it, as PEM
    #[arg(long = "tls-cert", env = "WHIPPY_MOCK_TLS_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,

    /// Its key, as PEM
    #[arg(long = "tls-key", env = "WHIPPY_MOCK_TLS_KEY", value_name = "FILE")]
    key: Option<PathBuf>,

    /// Speaks TLS by a certificate of its own, and prints the CA that signed it
    #[arg(
        long = "tls-self-signed",
        env = "WHIPPY_MOCK_TLS_SELF_SIGNED",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = truth,
        action = clap::ArgAction::Set
    )]
    self_signed: bool,

    /// One more name or address that its own certificate has; repeatable
    #[arg(
        long = "tls-name",
        env = "WHIPPY_MOCK_TLS_NAME",
        value_name = "NAME",
        value_delimiter = ','
    )]
    name: Vec<String>,

    /// File that the CA is written to instead
    #[arg(
        long = "tls-ca-out",
        env = "WHIPPY_MOCK_TLS_CA_OUT",
        value_name = "FILE"
    )]
    pub(super) ca_out: Option<PathBuf>,
}

impl TlsArgs {
    /// Returns the certificate and key, if TLS is asked for, and writes the CA to its file.
    pub(super) fn read(&self, listen: &Address) -> Result<Option<Tls>, ArgsError> {
        let tls = match (&self.cert, &self.key) {
            (Some(_), Some(_)) if self.self_signed => {
                return Err(ArgsError::TwoCertificates);
            }
            (Some(certificate), Some(key)) => {
                Tls::read(certificate, key).map_err(|error| match error {
                    TlsError::Certificate(why) => {
                        ArgsError::content(format!("--tls-cert {}", certificate.display()), why)
                    }
                    TlsError::Key(why) => {
                        ArgsError::content(format!("--tls-key {}", key.display()), why)
                    }
                })?
            }
            (Some(_), None) => return Err(ArgsError::Needs("--tls-cert", "--tls-key")),
            (None, Some(_)) => return Err(ArgsError::Needs("--tls-key", "--tls-cert")),
            (None, None) if self.self_signed => self.self_signed(listen)?,
            (None, None) => return self.without_self_signed().map(|()| None),
        };
        if matches!(listen, Address::Unix(_)) {
            return Err(ArgsError::TlsOnSocket(listen.clone()));
        }
        match (tls.ca(), &self.ca_out) {
            (Some(ca), Some(path)) => std::fs::write(path, ca).map_err(|error| {
                ArgsError::content(format!("--tls-ca-out {}", path.display()), error)
            })?,
            (Some(_), None) => {}
            (None, _) => self.without_self_signed()?,
        }
        Ok(Some(tls))
    }

    /// Refuses flags for a certificate that is made here, where none is.
    fn without_self_signed(&self) -> Result<(), ArgsError> {
        let flag = match (self.name.is_empty(), &self.ca_out) {
            (false, _) => "--tls-name",
            (true, Some(_)) => "--tls-ca-out",
            (true, None) => return Ok(()),
        };
        Err(ArgsError::Needs(flag, "--tls-self-signed"))
    }

    fn self_signed(&self, listen: &Address) -> Result<Tls, ArgsError> {
        if let Some(name) = self.name.iter().find(|name| !is_name(name)) {
            let takes = "it takes a name like mock.example or *.example, or an address";
            return Err(ArgsError::value("--tls-name", name, takes));
        }
        let mut names = self.name.clone();
        names.extend(listen.host().map(str::to_owned));
        // Other machines find this one by its name, where it lets them in.
        names.extend(host_name());
        names.retain(|name| is_name(name));
        Tls::self_signed(&names, system_time()).map_err(|error| match error {
            TlsError::Certificate(why) | TlsError::Key(why) => {
                ArgsError::content("--tls-self-signed", why)
            }
        })
    }
}
