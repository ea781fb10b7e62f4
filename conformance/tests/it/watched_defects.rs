//! Every defect in the shape of answers is found by observing traffic through the proxy, whatever
//! the client; here the client sends a part of the suite's own requests.
//!
//! `watched.txt` names the defects that are found; `WHIPPY_PIN=1 cargo test` rewrites it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::{Level, Secrets};
use whippy_conformance::model::outcome::Report;
use whippy_conformance::traffic::proxy::{Proxy, ProxyOptions, QueueLimits, queue};
use whippy_conformance::traffic::{Circumstances, Terms, Watcher};
use whippy_conformance::transport::remote::{Remote, RemoteOptions};
use whippy_conformance::transport::target::{SeedState, Target, TargetError};
use whippy_conformance::workers::spread;
use whippy_engine::defects::{DEFECTS, Defect, Defects};
use whippy_engine::profile::Profile;
use whippy_mock::embed::MockServer;

use crate::support::{TOKEN, engine, options, run_all};

/// The longest wait for a service that never answers.
const PATIENCE: Duration = Duration::from_millis(300);

/// An engine that keeps its requests.
struct Noting {
    inner: whippy_conformance::transport::target::InProcess,
    asked: Mutex<Vec<(Request<Bytes>, u16)>>,
}

impl Target for Noting {
    fn base(&self) -> &str {
        self.inner.base()
    }

    fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TargetError> {
        let answer = self.inner.send(request);
        if let Ok(answer) = &answer {
            let mut asked = self.asked.lock().unwrap();
            asked.push((request.clone(), answer.status().as_u16()));
        }
        answer
    }

    fn seed(&self, state: &SeedState) -> Result<(), TargetError> {
        let _ = state;
        Err(TargetError::NotSeedable(
            "it is to stay as it is".to_owned(),
        ))
    }
}

/// Returns requests of the suite, two of each kind: operation, status, parameters and members.
fn session() -> Vec<Request<Bytes>> {
    let noting = Arc::new(Noting {
        inner: engine("demo", Profile::default()),
        asked: Mutex::default(),
    });
    run_all(Arc::clone(&noting) as Arc<dyn Target>, &options());
    let contract = Contract::embedded().unwrap();
    let asked = std::mem::take(&mut *noting.asked.lock().unwrap());
    let mut kinds: BTreeSet<(String, u8)> = BTreeSet::new();
    let mut session = Vec::new();
    for (request, status) in asked {
        let query = request.uri().query().unwrap_or_default();
        let names: BTreeSet<_> = query
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .collect();
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let members: Vec<_> = body
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .collect();
        let path = request.uri().path();
        let operation = contract
            .route(request.method(), path)
            .map(|operation| operation.id.clone());
        let kind = format!(
            "{} {operation:?} {status} {names:?} {members:?} {:?}",
            request.method(),
            request.headers().get("accept")
        );
        if kinds.insert((kind.clone(), 0)) || kinds.insert((kind, 1)) {
            session.push(request);
        }
    }
    session
}

/// Reports on the session through the proxy, with a planted defect.
fn watched(runtime: &Runtime, session: &[Request<Bytes>], defect: Option<&Defect>) -> Report {
    let mut builder = MockServer::builder().world("demo").token(TOKEN);
    if let Some(defect) = defect {
        builder = builder.defect(defect.name);
    }
    let mock = runtime.block_on(builder.start()).unwrap();
    let (inlet, seen) = queue(QueueLimits::default());
    let upstream = RemoteOptions {
        timeout: PATIENCE,
        ..RemoteOptions::new(&mock.url())
    };
    let proxy = Proxy::new(
        ProxyOptions {
            upstream,
            preserve_host: true,
            body_limit: 1 << 20,
        },
        inlet,
    )
    .unwrap();
    let terms = Terms {
        contract: Contract::embedded().unwrap(),
        profile: Profile::default(),
        held: std::collections::BTreeMap::new(),
        base: proxy.base().to_owned(),
        level: Level::May,
        fail_on: None,
        secrets: Secrets::default(),
        advice: None,
    };
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = watch::channel(false);
    let serving = runtime.spawn(Arc::new(proxy).run(listener, stopped));
    let client = Remote::new(RemoteOptions::new(&url)).unwrap();
    for request in session {
        let mut request = request.clone();
        let target = request.uri().path_and_query().unwrap().as_str();
        *request.uri_mut() = format!("{url}{target}").parse().unwrap();
        // The proxy reports broken answers, so they are ignored here.
        let lost = client
            .send(&request)
            .is_ok_and(|answer| answer.status() == 504);
        if lost {
            break;
        }
    }
    drop(client);
    stop.send(true).unwrap();
    runtime.block_on(serving).unwrap();
    let mut watcher = Watcher::new(terms);
    while let Some((exchanges, dropped)) = seen.next() {
        watcher.dropped(dropped);
        for mut observed in exchanges {
            watcher.see(&mut observed);
        }
    }
    watcher.report(Circumstances::default())
}

fn findings(report: &Report) -> Vec<String> {
    let service = report
        .checks
        .iter()
        .filter(|check| check.section() == "service");
    let findings = service.flat_map(|check| check.findings.iter().map(|f| f.summary.clone()));
    findings.collect()
}

/// Returns `true` if the shape of an answer shows a defect to the contract in process.
fn shows(contract: &Contract, session: &[Request<Bytes>], defect: &'static Defect) -> bool {
    let engine = engine("demo", Profile::default()).with_defects(Defects::new([defect]));
    session.iter().any(|request| {
        let path = request.uri().path();
        let is_invalid = contract.fault(request, path).is_some();
        engine.send(request).is_ok_and(|answer| {
            let is_of_a_gateway = matches!(answer.status().as_u16(), 413 | 429 | 502..=504);
            let judgement = contract.judge(request, path, &answer, is_invalid);
            !is_of_a_gateway && !judgement.violations.is_empty()
        })
    })
}

fn pins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/watched.txt")
}

#[test]
fn what_shows_in_the_shape_of_answers_is_found_through_the_proxy() {
    let session = session();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let healthy = findings(&watched(&runtime, &session, None));
    assert_eq!(healthy, [""; 0], "no alarm is false");

    let contract = Contract::embedded().unwrap();
    let defects: Vec<&'static Defect> = DEFECTS.iter().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let outcomes = spread(threads, &defects, |defect| {
        let shows = shows(&contract, &session, defect);
        let found = shows && !findings(&watched(&runtime, &session, Some(defect))).is_empty();
        (defect.name, shows, found)
    });
    let missed: Vec<_> = outcomes
        .iter()
        .filter(|(_, shows, found)| *shows && !found)
        .collect();
    assert!(
        missed.is_empty(),
        "{} are missed: {missed:#?}",
        missed.len()
    );
    let found: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.2)
        .map(|outcome| outcome.0)
        .collect();
    println!(
        "{} of {} defects, by {} requests",
        found.len(),
        DEFECTS.len(),
        session.len()
    );
    let text = found.join("\n") + "\n";
    if std::env::var_os("WHIPPY_PIN").is_some() {
        std::fs::write(pins(), &text).unwrap();
    }
    let pinned = std::fs::read_to_string(pins()).unwrap();
    let pinned: BTreeSet<&str> = pinned.lines().collect();
    let found: BTreeSet<&str> = found.into_iter().collect();
    let lost: Vec<_> = pinned.difference(&found).collect();
    assert!(lost.is_empty(), "found no more: {lost:?}");
}
