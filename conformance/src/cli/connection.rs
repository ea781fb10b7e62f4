//! The connection to the target: URL, token or login, certificates, pace.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Request;
use http::header::LOCATION;
use serde_json::{Value, json};
use whippy_conformance::cases::probe::{Answer, Ask, Session, Stop};
use whippy_conformance::model::finding::{Secrets, cut};
use whippy_conformance::report::one_line;
use whippy_conformance::run::discovery::Unsettled;
use whippy_conformance::run::explain::EXAMPLE_TOKEN;
use whippy_conformance::transport::remote::{Remote, RemoteOptions};
use whippy_conformance::transport::retry::{Gateways, Patient, Surprises};
use whippy_conformance::transport::stand_in::StandIn;
use whippy_conformance::transport::target::Target;
use whippy_engine::redact::is_secret_name;

use super::args::{ConnectionArgs, TransportArgs};
use super::embedded;
use super::files;
use super::refusal::Refusal;
use super::secrets::secret;

/// A target and the credentials for it.
pub(crate) struct Connection {
    pub(crate) remote: Arc<dyn Target>,
    /// The same target with retries; `None`: failures are taken as they come.
    patient: Option<Arc<Patient>>,
    /// The target for people.
    pub(crate) about: String,
    /// Is true if the target is on this machine.
    pub(crate) is_loopback: bool,
    /// Is true if the target is the embedded mock, which ends with the run.
    pub(crate) is_embedded: bool,
    pub(crate) secrets: Secrets,
    /// The token for `/__admin/`, if the target is a whippy-mock.
    pub(crate) admin_token: Option<String>,
    token: Option<String>,
    login: Option<(String, String)>,
    /// Is true if the target is a whippy-mock on this machine; unset until it has been asked.
    is_local_mock: OnceLock<bool>,
}

impl Connection {
    /// Prepares the connection to a target at a URL.
    pub(crate) fn new(
        url: &str,
        args: &ConnectionArgs,
        admin_token: Option<String>,
        gateways: Gateways,
    ) -> Result<Self, Refusal> {
        let token = secret("token", args.token.as_deref(), args.token_file.as_deref())?;
        token.as_deref().map_or(Ok(()), key_alone)?;
        let password = secret(
            "password",
            args.password.as_deref(),
            args.password_file.as_deref(),
        )?;
        let login = match (&args.username, password) {
            (Some(username), Some(password)) => Some((username.clone(), password)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(Refusal::usage(
                    "--username needs --password or --password-file beside it",
                ));
            }
            (None, Some(_)) => return Err(Refusal::usage("--password needs --username beside it")),
        };
        let (transport, mut secrets) = transport(url, &args.transport)?;
        let logins = login.iter().map(|(_, password)| password);
        for secret in token.iter().chain(logins).chain(&admin_token) {
            secrets.add(secret);
        }
        let options = RemoteOptions {
            rate: args.rate,
            http2: args.http2,
            admin_token: admin_token.clone(),
            ..transport
        };
        let remote = Remote::new(options)
            .map_err(|error| Refusal::usage(secrets.redact(&error.to_string())))?;
        let remote: Arc<dyn Target> = Arc::new(remote);
        let patient = Patient::new(remote, std::thread::sleep, gateways, login.clone());
        let patient = Arc::new(patient);
        Ok(Self {
            remote: patient.clone(),
            patient: Some(patient),
            about: url.to_owned(),
            is_loopback: is_loopback(url),
            is_embedded: false,
            secrets,
            admin_token,
            token,
            login,
            is_local_mock: OnceLock::new(),
        })
    }

    /// Prepares the connection to the embedded mock.
    pub(crate) fn embedded(url: &str, about: &str) -> Result<Self, Refusal> {
        let remote = Remote::new(RemoteOptions::new(url))
            .map_err(|error| Refusal::no_verdict(error.to_string()))?;
        Ok(Self {
            remote: Arc::new(remote),
            patient: None,
            about: about.to_owned(),
            is_loopback: true,
            is_embedded: true,
            secrets: Secrets::default(),
            admin_token: None,
            token: None,
            login: None,
            is_local_mock: OnceLock::new(),
        })
    }

    /// Returns `true` if the user gave a name to log in with.
    pub(crate) fn has_login(&self) -> bool {
        self.login.is_some()
    }

    /// Returns `true` if the target is a whippy-mock on this machine. Its admin path tells that,
    /// which no other service has.
    pub(crate) fn is_local_mock(&self) -> bool {
        *self.is_local_mock.get_or_init(|| {
            let health = Request::get(format!("{}/__admin/health", self.remote.base()));
            let answer = health.body(Bytes::new()).ok().filter(|_| self.is_loopback);
            let answer = answer.and_then(|health| self.remote.send(&health).ok());
            let body = answer.filter(|answer| answer.status() == 200);
            let body: Value = body
                .and_then(|answer| serde_json::from_slice(answer.body()).ok())
                .unwrap_or_default();
            body["message"] == "whippy-mock answers"
        })
    }

    /// Logs in where that is asked for, and checks that the target accepts the credentials.
    pub(crate) fn enter(&self, session: &mut Session) -> Result<(), Refusal> {
        session.secrets = self.secrets.clone();
        if self.is_embedded {
            session.token = Some(EXAMPLE_TOKEN.to_owned());
            let (username, password) = embedded::USER;
            session.environment.set("username", username);
            session.environment.set("password", password);
            return Ok(());
        }
        session.token.clone_from(&self.token);
        if let Some((username, password)) = &self.login {
            session.environment.set("username", username.as_str());
            session.environment.set("password", password.as_str());
            if session.token.is_none() {
                let key = self.log_in(session, username, password)?;
                session.secrets.add(&key);
                session.token = Some(key);
            }
        }
        if session.token.is_none() && self.is_loopback {
            session.token = Some(EXAMPLE_TOKEN.to_owned());
        }
        if let (Some(patient), Some(token)) = (&self.patient, &session.token) {
            patient.bear(token);
        }
        self.look(session)
    }

    /// Returns the surprising answers of the target so far that retries got past.
    pub(crate) fn surprises(&self) -> Surprises {
        let patient = self.patient.as_ref();
        patient.map_or_else(Surprises::new, |patient| patient.surprises())
    }

    /// Returns the number of sent requests; `None` where they are not counted.
    pub(crate) fn sent(&self) -> Option<u64> {
        self.patient.as_ref().map(|patient| patient.sent())
    }

    /// Adds the tokens of later logins to the secrets of the session.
    pub(crate) fn keep_later_tokens(&self, session: &mut Session) {
        let patient = self.patient.iter();
        for token in patient.flat_map(|patient| patient.later_tokens()) {
            session.secrets.add(&token);
        }
    }

    fn log_in(&self, session: &Session, username: &str, password: &str) -> Result<String, Refusal> {
        let body = json!({"username": username, "password": password});
        let answer = self.ask(session, &Ask::post("/api/v1/auth/login/", body))?;
        let key = answer.body.as_ref().and_then(|body| body["key"].as_str());
        match (answer.status, key) {
            (200, Some(key)) if !key.is_empty() => Ok(key.to_owned()),
            (404, _) => Err(Refusal::no_verdict(format!(
                "{} has no login at /api/v1/auth/login/: give --token instead",
                self.about
            ))),
            (200, _) => Err(Refusal::no_verdict(format!(
                "{} answers the login without a key: give --token instead",
                self.about
            ))),
            (status, _) => Err(Refusal::no_verdict(format!(
                "{} refuses the login with {status}: are --username and --password right?",
                self.about
            ))),
        }
    }

    /// Checks that the target is usable, before anything depends on it.
    fn look(&self, session: &Session) -> Result<(), Refusal> {
        let answer = self.ask(session, &Ask::get("/api/v1/stocks/").with("limit", 1))?;
        let target = &self.about;
        let uri: Option<http::Uri> = session.target.base().parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host);
        let stand_in =
            StandIn::of_parts(answer.status, &answer.headers, &answer.bytes, host, false);
        let why = match answer.status {
            status @ (401 | 403) if stand_in.is_none() => {
                let is_given = self.token.is_some() || self.login.is_some();
                if !is_given && !self.is_loopback {
                    return Err(Refusal::usage(format!(
                        "{target} asks for a token: give --token-file FILE, --token TOKEN, or --username and --password"
                    )));
                }
                let which = if is_given {
                    "the token"
                } else {
                    "the example token"
                };
                format!(
                    "{target} refuses {which} with {status}: give another with --token-file FILE or --token TOKEN"
                )
            }
            status @ 300..=399 => {
                let location = answer.headers.get(LOCATION);
                let leads = location.map_or_else(String::new, |to| {
                    let to = String::from_utf8_lossy(to.as_bytes());
                    format!(" and leads to {}", cut(&one_line(&to), LONGEST))
                });
                format!(
                    "{target} answers {status}{leads}, it has moved: give --target its new address"
                )
            }
            status @ (502..=504) => {
                format!("{target} answers {status}: there is a gateway, and nobody behind it")
            }
            404 => format!(
                "{target} has no /api/v1/stocks/: --target takes what stands in front of it"
            ),
            200..=299 if stand_in.is_some() => format!(
                "{target} answers with a web page: --target takes what stands in front of /api/v1/"
            ),
            200 if answer.body.is_none() => format!(
                "{target} answers with something that is not JSON: --target takes what stands in front of /api/v1/"
            ),
            _ => match (stand_in, &answer.body) {
                (Some(stand_in), _) => format!("{target}: {stand_in}"),
                (None, Some(body)) if answer.status == 200 && !is_of_stocks(body) => {
                    let body = body.to_string();
                    format!(
                        "{target} answers /api/v1/stocks/ with JSON that is no page of stocks ({}): give --target the Stock API",
                        cut(&one_line(&body), LONGEST)
                    )
                }
                _ => return Ok(()),
            },
        };
        Err(Refusal::no_verdict(session.secrets.redact(&why)))
    }

    fn ask(&self, session: &Session, ask: &Ask) -> Result<Answer, Refusal> {
        session
            .send_unjudged(ask)
            .map_err(|stop| self.refusal(session, stop))
    }

    /// Returns the refusal of a run whose places cannot be settled.
    pub(crate) fn unsettled(&self, session: &Session, error: Unsettled) -> Refusal {
        match error {
            Unsettled::Unanswered(stop) => self.refusal(session, stop),
            Unsettled::Misnamed(misnamed) => {
                Refusal::usage(session.secrets.redact(&misnamed.to_string()))
            }
        }
    }

    /// Returns the refusal of a run that cannot begin.
    pub(crate) fn refusal(&self, session: &Session, stop: Stop) -> Refusal {
        let why = match stop {
            Stop::Unreachable(why) => format!("{} cannot be reached: {why}", self.about),
            Stop::Setup(why)
            | Stop::Unsupported(why)
            | Stop::Disabled(why)
            | Stop::Inconclusive(why)
            | Stop::Suite(why) => format!("{}: {why}", self.about),
            Stop::NotTheService(why) => why,
            Stop::Failed => format!("{} cannot be asked", self.about),
        };
        Refusal::no_verdict(session.secrets.redact(&why))
    }
}

/// Returns the options for reaching a server, and the secrets in them.
pub(crate) fn transport(
    url: &str,
    args: &TransportArgs,
) -> Result<(RemoteOptions, Secrets), Refusal> {
    let headers = args.header.iter().map(|header| parted(header));
    let headers = headers.collect::<Result<Vec<_>, _>>()?;
    let named = headers.iter().filter(|(name, _)| is_secret_name(name));
    let mut secrets = Secrets::new(named.map(|(_, value)| value.clone()));
    if let Some((credentials, _)) = args
        .proxy
        .as_deref()
        .and_then(|proxy| proxy.rsplit_once('@'))
    {
        let credentials = credentials
            .split_once("://")
            .map_or(credentials, |(_, rest)| rest);
        secrets.add(
            credentials
                .split_once(':')
                .map_or(credentials, |(_, password)| password),
        );
    }
    let ca_cert = args.ca_cert.as_deref().map(|path| {
        let named =
            |why: &dyn Display| Refusal::usage(format!("--ca-cert {}: {why}", path.display()));
        let pem = files::bytes(path).map_err(|error| named(&error))?;
        // Even a URL of http:// must not hide that the file is of no use.
        let is_pem = pem.windows(PEM.len()).any(|part| part == PEM);
        if is_pem {
            Ok(pem)
        } else {
            Err(named(&"the file has no certificate in it"))
        }
    });
    let usual = RemoteOptions::new(url);
    let options = RemoteOptions {
        timeout: args.timeout.unwrap_or(usual.timeout),
        ca_cert: ca_cert.transpose()?,
        insecure: args.insecure,
        proxy: args.proxy.clone(),
        headers,
        ..usual
    };
    Ok((options, secrets))
}

/// Splits a header into name and value.
fn parted(header: &str) -> Result<(String, String), Refusal> {
    let parts = header
        .split_once(':')
        .filter(|(name, _)| !name.trim().is_empty());
    // The value may be a secret, so the message leaves it out.
    let (name, value) = parts.ok_or_else(|| Refusal::usage("--header takes `NAME: VALUE`"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// The beginning of a certificate in a PEM file.
const PEM: &[u8] = b"-----BEGIN";

/// The most characters of an answer in a sentence.
const LONGEST: usize = 120;

/// Refuses a token with the word that comes before it in `Authorization`.
fn key_alone(token: &str) -> Result<(), Refusal> {
    let word = token.split_once(' ').map(|(word, _)| word);
    let words = ["Token", "Bearer", "Authorization:"];
    let word = words.into_iter().find(|known| {
        let is_it = |word: &str| word.eq_ignore_ascii_case(known);
        word.is_some_and(is_it)
    });
    match word {
        None => Ok(()),
        Some(word) => Err(Refusal::usage(format!(
            "--token takes the key alone: leave out the `{word} ` before it"
        ))),
    }
}

/// Members of a page, and of a stock in it. A service that gets some of them wrong is judged; JSON
/// that has none of them is of something else.
const PAGE_MEMBERS: [&str; 4] = ["count", "next", "previous", "results"];
const STOCK_MEMBERS: [&str; 4] = ["sku", "stock", "location", "reserved_stock"];

/// Returns `true` if JSON may be a list of stocks, be it a wrong one.
fn is_of_stocks(body: &Value) -> bool {
    let has =
        |value: &Value, members: &[&str]| members.iter().any(|name| value.get(name).is_some());
    let rows = match body {
        Value::Array(rows) => Some(rows),
        page if !has(page, &PAGE_MEMBERS) => return false,
        page => page["results"].as_array(),
    };
    let first = rows.and_then(|rows| rows.first());
    first.is_none_or(|row| !row.is_object() || has(row, &STOCK_MEMBERS))
}

/// Returns `true` if a URL names this machine.
fn is_loopback(url: &str) -> bool {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
