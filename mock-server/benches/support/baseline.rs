//! The servers for comparison: this executable again, started with an argument.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use whippy_engine::model::time::UtcOffset;
use whippy_mock::http::system_time;

use super::client::{self, Client, Connection};
use super::process::Process;

const RECORDED: &str = "--serve-recorded";
const PLAIN: &str = "--serve-plain";

/// A recorded answer of the mock, to be sent again byte for byte.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Recorded {
    method: String,
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Recorded {
    /// Returns the body.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    /// Records the mock's answer to one request.
    pub(crate) fn probe(
        client: &mut Client,
        connection: &mut Connection,
        request: &mut client::Request,
        status: u16,
    ) -> io::Result<Self> {
        let (_, answer) = client.ask(connection, request, status)?;
        // hyper adds date and length itself on both sides.
        let headers = answer
            .headers()
            .filter(|(name, _)| !matches!(*name, "date" | "content-length"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let line = String::from_utf8_lossy(&request.bytes);
        let mut words = line.split(' ').map(str::to_owned);
        Ok(Self {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            status,
            headers: headers.collect(),
            body: String::from_utf8_lossy(answer.body).into_owned(),
        })
    }
}

/// The kinds of server for comparison.
#[derive(Debug)]
pub(crate) enum Baseline {
    /// Answers with recorded bytes, at the cost of hyper alone.
    Recorded(Vec<Answer>),
    /// Keeps its state in a vector and a map behind a mutex, and answers with the recorded headers.
    Plain(Vec<Answer>, Mutex<Stocks>),
}

/// A [`Recorded`] answer, parsed.
#[derive(Debug)]
pub(crate) struct Answer {
    method: Method,
    path: String,
    response: Response<Bytes>,
}

/// The state of [`Baseline::Plain`].
#[derive(Debug, Default)]
pub(crate) struct Stocks {
    rows: Vec<Stock>,
    positions: HashMap<(String, String), usize>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(clippy::struct_field_names)] // The page's names.
struct Stock {
    #[serde(default)]
    id: usize,
    #[serde(default)]
    created_date: String,
    #[serde(default)]
    modified_date: String,
    period: Value,
    stock_type: String,
    unit_type: String,
    provider: String,
    location: String,
    stock: i32,
    is_active: bool,
    sku: String,
    reserved_stock: i32,
}

#[derive(Debug, Deserialize)]
struct Reservation {
    sku: String,
    location: String,
}

impl Baseline {
    /// Starts the server that sends recorded answers.
    pub(crate) fn start_recorded(answers: &[Recorded]) -> io::Result<Process> {
        Process::this(&[RECORDED, &serde_json::to_string(answers)?])
    }

    /// Starts the plain server.
    pub(crate) fn start_plain(answers: &[Recorded]) -> io::Result<Process> {
        Process::this(&[PLAIN, &serde_json::to_string(answers)?])
    }

    /// Returns the server that the arguments ask for.
    pub(crate) fn from_arguments(arguments: &[String]) -> Option<io::Result<Self>> {
        match arguments {
            [kind, answers] if kind == RECORDED => Some(parse(answers).map(Self::Recorded)),
            [kind, answers] if kind == PLAIN => {
                Some(parse(answers).map(|answers| Self::Plain(answers, Mutex::default())))
            }
            _ => None,
        }
    }

    /// Serves until it is killed.
    pub(crate) fn serve(self) -> io::Result<()> {
        // As many threads as the mock has by default, since the two are compared.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.div_ceil(2))
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            println!("Listening on http://{}", listener.local_addr()?);
            let server = Arc::new(self);
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    let service = service_fn(|request| server.answer(request));
                    http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                });
            }
        })
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let body = body.unwrap_or_default();
        let (Self::Recorded(answers) | Self::Plain(answers, _)) = self;
        let found = answers
            .iter()
            .find(|answer| answer.method == head.method && answer.path == head.uri.path());
        let Some(answer) = found else {
            // A reset before every round, so that all rounds are equal.
            if let Self::Plain(_, stocks) = self {
                *stocks.lock().unwrap_or_else(PoisonError::into_inner) = Stocks::default();
            }
            return Ok(Response::default());
        };
        let mut response = answer.response.clone();
        if let Self::Plain(_, stocks) = self {
            let mut stocks = stocks.lock().unwrap_or_else(PoisonError::into_inner);
            let stock = if answer.path.ends_with("/increase_reserved_stock/") {
                let seed = || serde_json::from_slice(answer.response.body()).ok();
                stocks.reserve(&body, seed)
            } else {
                stocks.create(&body)
            };
            drop(stocks);
            match stock.and_then(|stock| serde_json::to_vec(&stock).ok()) {
                Some(body) => *response.body_mut() = body.into(),
                None => *response.status_mut() = StatusCode::BAD_REQUEST,
            }
        }
        Ok(response.map(Full::new))
    }
}

impl Stocks {
    fn create(&mut self, body: &[u8]) -> Option<Stock> {
        let mut stock: Stock = serde_json::from_slice(body).ok()?;
        let place = (stock.sku.clone(), stock.location.clone());
        if self.positions.contains_key(&place) {
            return None;
        }
        stock.id = self.rows.len() + 1;
        stock.created_date = system_time().to_text(UtcOffset::PAGE);
        stock.modified_date = system_time().to_text(UtcOffset::PAGE);
        self.positions.insert(place, self.rows.len());
        self.rows.push(stock.clone());
        Some(stock)
    }

    /// Reserves one. The first reservation takes the stock from the mock's answer.
    fn reserve(&mut self, body: &[u8], seed: impl Fn() -> Option<Stock>) -> Option<Stock> {
        let reservation: Reservation = serde_json::from_slice(body).ok()?;
        let place = (reservation.sku, reservation.location);
        if self.rows.is_empty() {
            self.positions.insert(place.clone(), 0);
            self.rows.push(seed()?);
        }
        let stock = &mut self.rows[*self.positions.get(&place)?];
        stock.reserved_stock = stock.reserved_stock.checked_add(1)?;
        stock.modified_date = system_time().to_text(UtcOffset::PAGE);
        Some(stock.clone())
    }
}

fn parse(answers: &str) -> io::Result<Vec<Answer>> {
    let answers: Vec<Recorded> = serde_json::from_str(answers)?;
    answers.into_iter().map(Answer::new).collect()
}

impl Answer {
    fn new(recorded: Recorded) -> io::Result<Self> {
        let mut response = Response::new(Bytes::from(recorded.body));
        *response.status_mut() = StatusCode::from_u16(recorded.status).map_err(io::Error::other)?;
        for (name, value) in recorded.headers {
            let name = HeaderName::try_from(name).map_err(io::Error::other)?;
            let value = HeaderValue::try_from(value).map_err(io::Error::other)?;
            response.headers_mut().append(name, value);
        }
        Ok(Self {
            method: recorded.method.parse().map_err(io::Error::other)?,
            path: recorded.path,
            response,
        })
    }
}
