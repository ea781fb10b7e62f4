//! The shell: sockets, the system's clock, and the limits that keep the mock alive
//! whatever a client does.

mod activity;
mod closing;
mod crowd;
mod follower;
mod line;
mod listener;
pub mod metrics;
mod payload;
pub mod request_log;
mod sampler;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use crate::admin::pieces::Pieces;
use crate::admin::{self, AdminAnswer, AdminCall, Control, Followed};
use crate::faults::{self, Act, Cut, PREFER, Plan};
use crate::http::request_log::{Entry, RequestLog};
use crate::worlds::journal::{JournalLimits, JournalShare};
use crate::worlds::service::Service;
use crate::worlds::{LiveWorld, Start, WorldLimits, Worlds};
use whippy_engine::backend::Backend;
use whippy_engine::defects::{self, Defects, Delivery};
use whippy_engine::endpoints::call::OverTls;
use whippy_engine::engine::Reply;
use whippy_engine::exchange::{Answered, Exchange};
use whippy_engine::findings::Seen;
use whippy_engine::model::time::Timestamp;
use whippy_engine::problem::Problem;

use activity::{Activity, Parting};
use closing::watch_over;
use crowd::Crowd;
use follower::Follower;
use line::{Arrived, Line, Opened};
use listener::is_lasting;
pub use listener::{Address, BindError, Listener};
use payload::{Events, Payload, Unanswered};
pub use tls::{Tls, TlsError, is_name};

/// The largest request head: line and headers, bytes.
const MAX_HEAD: u32 = 64 * 1024;

/// The size of a body above which it is handled apart from other connections, bytes.
const LARGE_BODY: usize = 256 * 1024;

/// Admin requests worked on at a time; further ones wait for their turn.
const ADMIN_THREADS: usize = 4;

/// The time that a stopping server waits for requests in flight.
const DRAIN: Duration = Duration::from_secs(2);

/// The interval at which idle worlds are looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body, bytes.
    pub body: usize,
    /// The most connections at a time; one more gets a 503.
    pub connections: usize,
    /// The longest time that a client may keep a connection without sending a whole request, and
    /// that it may take over a body.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 * 1024 * 1024,
            connections: 1024,
            idle: Duration::from_secs(30),
        }
    }
}

/// A server, before it listens.
#[derive(Debug)]
pub struct Server {
    /// The worlds, which answer the API.
    pub worlds: Worlds,
    /// The state behind `/__admin/`.
    pub control: Control,
    /// The limits for connections and bodies.
    pub limits: Limits,
    /// The log of requests; `None`: nothing is logged.
    pub log: Option<RequestLog>,
    /// The origin whose pages may use the API, or `*` for any; `None`: no other origin may.
    pub cors: Option<HeaderValue>,
    /// Announces each write by the name of its world and its operation, to requests held until such
    /// a write.
    pub commits: broadcast::Sender<(Arc<str>, &'static str)>,
    /// The turns of admin requests, which bound how many are worked on at a time.
    pub turns: Arc<Semaphore>,
}

/// The number of commits that a held request may fall behind.
const COMMITS: usize = 1024;

/// Batches of events made ready for one follower; a batch may be long, so there are few.
const READY: usize = 4;

/// Returns the time of the system's clock.
pub fn system_time() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

impl Server {
    /// Creates a server from a seed, with the default limits and no log.
    pub fn new(start: impl Into<Start>) -> Self {
        let share = JournalShare::new(JournalLimits::default());
        let worlds = Worlds::new(start.into(), WorldLimits::default(), false, share);
        Self::of_worlds(worlds)
    }

    /// Creates a server of worlds, with the default limits and no log.
    pub fn of_worlds(worlds: Worlds) -> Self {
        Self {
            worlds,
            control: Control::new(None, Instant::now()),
            limits: Limits::default(),
            log: None,
            cors: None,
            commits: broadcast::Sender::new(COMMITS),
            turns: Arc::new(Semaphore::new(ADMIN_THREADS)),
        }
    }

    /// Serves connections until `stop` changes or its sender is gone, then lets what
    /// is in flight finish.
    pub async fn run(
        self: Arc<Self>,
        listener: impl Into<Listener>,
        mut stop: watch::Receiver<bool>,
    ) {
        let listener: Listener = listener.into();
        let crowd = Crowd::new(self.limits.connections);
        let server = self;
        let (tell, told) = watch::channel(false);
        let sweeper = tokio::spawn(Arc::clone(&server).sweep());
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.changed() => break,
                () = server.control.shutdown.notified() => break,
            };
            let (arrived, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors or memory: connected clients go on, and each that
                    // leaves makes room.
                    if is_lasting(&error) {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    continue;
                }
            };
            let activity = Arc::new(Activity::new(told.clone()));
            let Some(place) = crowd.admit(&activity).await else {
                arrived.shed();
                continue;
            };
            let server = Arc::clone(&server);
            let told = told.clone();
            tokio::spawn(async move {
                server.serve(arrived, peer, activity, told).await;
                drop(place);
            });
        }
        drop(listener);
        let _ = tell.send(true);
        sweeper.abort();
        let drained = tokio::time::timeout(DRAIN, crowd.until_empty()).await;
        drop(drained);
    }

    /// Serves one connection: HTTP/1.1, or HTTP/2 by ALPN or with prior knowledge.
    async fn serve(
        self: Arc<Self>,
        arrived: Arrived,
        peer: SocketAddr,
        activity: Arc<Activity>,
        mut stop: watch::Receiver<bool>,
    ) {
        let idle = self.limits.idle;
        let opened = tokio::select! {
            opened = tokio::time::timeout(idle, arrived.open()) => opened,
            () = activity.is_parting.notified() => return,
            _ = stop.changed() => return,
        };
        let Ok(Some(Opened {
            socket,
            may_be_http2,
        })) = opened
        else {
            return;
        };
        let caller = Caller {
            peer,
            is_over_tls: socket.is_tls(),
        };
        let stream = TokioIo::new(Line {
            socket,
            activity: Arc::clone(&activity),
        });
        if may_be_http2 {
            let service = service_fn(|request| {
                let (server, activity) = (Arc::clone(&self), Arc::clone(&activity));
                async move { server.respond_busily(&activity, request, caller).await }
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http1()
                .half_close(true)
                .header_read_timeout(None)
                .max_buf_size(MAX_HEAD as usize);
            builder
                .http2()
                .timer(TokioTimer::new())
                .max_concurrent_streams(256)
                .max_header_list_size(MAX_HEAD);
            let connection = builder.serve_connection(stream, service);
            watch_over(connection, &activity, idle, stop).await;
        } else {
            // Borrowed rather than cloned: the threads share no reference count for each request.
            let (server, active) = (&self, &activity);
            let service = service_fn(|request| server.respond_busily(active, request, caller));
            let connection = http1::Builder::new()
                // A client may shut down its sending side and still read.
                .half_close(true)
                // `watch_over` keeps the time, with one timer for all requests.
                .header_read_timeout(None)
                .max_buf_size(MAX_HEAD as usize)
                .serve_connection(stream, service);
            watch_over(connection, &activity, idle, stop).await;
        }
    }

    async fn respond_busily(
        self: &Arc<Self>,
        activity: &Arc<Activity>,
        request: Request<Incoming>,
        caller: Caller,
    ) -> Result<Response<Payload>, Unanswered> {
        let busy = activity.begin();
        let version = request.version();
        let response = self.respond(request, caller, activity).await;
        let response = match response {
            Ok(Some(response)) => Ok(response),
            Ok(None) => {
                // Over HTTP/2 hyper notices by itself that a request was given up.
                if version != http::Version::HTTP_2 {
                    activity.hang();
                }
                let mut stop = activity.stop.clone();
                let _ = stop.changed().await;
                Err(Unanswered)
            }
            Err(unanswered) => Err(unanswered),
        };
        drop(busy);
        response
    }

    /// Drops idle worlds, at regular intervals.
    async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP).await;
            let server = Arc::clone(&self);
            // A large world takes long to free.
            let expired = tokio::task::spawn_blocking(move || server.worlds.expire(system_time()));
            let _ = expired.await;
        }
    }

    /// Returns the answer; `None` where none ever comes, and an error where the connection closes
    /// instead.
    async fn respond(
        self: &Arc<Self>,
        request: Request<Incoming>,
        caller: Caller,
        activity: &Arc<Activity>,
    ) -> Result<Option<Response<Payload>>, Unanswered> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        // hyper checks the size of a head only while it waits for more of it.
        let body = if head_size(&head) > MAX_HEAD as usize {
            Err(Problem::HeadTooLarge)
        } else {
            self.collect(body).await
        };
        let (body, unread) = match body {
            Ok(body) => (body, None),
            Err(problem) => (Bytes::new(), Some(problem)),
        };
        let is_unread = unread.is_some();
        let mut request = Request::from_parts(head, body);
        if caller.is_over_tls {
            request.extensions_mut().insert(OverTls);
        }
        let arrival = Arrival {
            at: system_time(),
            started,
        };
        let answered = if admin::is_admin(request.uri().path()) {
            let administered = self.administer((request, unread), caller, arrival, activity);
            Ok(Some(administered.await))
        } else if admin::is_opened_by_a_browser(&request) {
            Ok(Some(admin::way().map(Payload::whole)))
        } else {
            match &self.cors {
                Some(allowed) => {
                    self.exchange_across_origins(request, unread, arrival, activity, allowed)
                        .await
                }
                None => self.exchange(request, unread, arrival, activity).await,
            }
        };
        answered.map(|response| {
            response.map(|mut response| {
                if is_unread {
                    // The rest of the body is not read, so the connection cannot go on.
                    let close = HeaderValue::from_static("close");
                    response
                        .headers_mut()
                        .insert(http::header::CONNECTION, close);
                }
                response
            })
        })
    }

    async fn administer(
        self: &Arc<Self>,
        (request, unread): (Request<Bytes>, Option<Problem>),
        caller: Caller,
        arrival: Arrival,
        activity: &Arc<Activity>,
    ) -> Response<Payload> {
        let method = request.method().clone();
        let target = request.uri().path_and_query().map_or("/", |t| t.as_str());
        let target = self.log.is_some().then(|| target.to_owned());
        let answer = match unread {
            Some(problem) => AdminAnswer::Whole(Control::refuse(&problem)),
            None => self.answer_apart(request, caller, arrival).await,
        };
        let response = match answer {
            AdminAnswer::Whole(response) => response.map(Payload::whole),
            AdminAnswer::Pieces(response) => response.map(|pieces| {
                let (sender, receiver) = mpsc::channel(READY);
                tokio::spawn(make(pieces, sender, self.limits.idle));
                Payload::Pieces(receiver, Arc::clone(activity))
            }),
            AdminAnswer::Follow(followed) => self.follow(*followed, activity),
        };
        if let (Some(log), Some(target)) = (&self.log, target) {
            log.record(&Entry {
                at: arrival.at,
                method: &method,
                target: &self.control.redactor.target(&target),
                status: response.status().as_u16(),
                id: None,
                world: None,
                rule: None,
                faults: &[],
                took: arrival.started.elapsed(),
            });
        }
        response
    }

    /// Answers an admin request on a thread of its own, so that no other client waits for it. A
    /// brief one is answered at once.
    async fn answer_apart(
        self: &Arc<Self>,
        request: Request<Bytes>,
        caller: Caller,
        arrival: Arrival,
    ) -> AdminAnswer {
        let is_brief = admin::is_brief(request.uri().path());
        let server = Arc::clone(self);
        let answer = move || {
            server.control.answer(AdminCall {
                worlds: &server.worlds,
                request: &request,
                peer: caller.peer,
                system: arrival.at,
            })
        };
        if is_brief {
            return answer();
        }
        // The semaphore is never closed.
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let worked = tokio::task::spawn_blocking(move || {
            let answer = answer();
            // The work goes on even if the client has left, and holds its turn until then.
            drop(turn);
            answer
        });
        let stumbled = |_| AdminAnswer::Whole(admin::stumbled());
        worked.await.unwrap_or_else(stumbled)
    }

    /// Answers a page of another origin: its preflight request, and the CORS headers of every
    /// answer.
    async fn exchange_across_origins(
        &self,
        request: Request<Bytes>,
        unread: Option<Problem>,
        arrival: Arrival,
        activity: &Activity,
        allowed: &HeaderValue,
    ) -> Result<Option<Response<Payload>>, Unanswered> {
        let asks_before = request.method() == http::Method::OPTIONS
            && request
                .headers()
                .contains_key(http::header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = if asks_before {
            Some(preflight(request.headers()))
        } else {
            self.exchange(request, unread, arrival, activity).await?
        };
        if let Some(response) = &mut response {
            let headers = response.headers_mut();
            headers.insert(http::header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
            headers.insert(
                http::header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("*"),
            );
            headers.append(http::header::VARY, HeaderValue::from_static("Origin"));
        }
        Ok(response)
    }

    /// Carries out one exchange of the API and keeps it in the journal of its world.
    async fn exchange(
        &self,
        mut request: Request<Bytes>,
        unread: Option<Problem>,
        arrival: Arrival,
        activity: &Activity,
    ) -> Result<Option<Response<Payload>>, Unanswered> {
        let world = match self.worlds.enter(&mut request, arrival.at) {
            Ok(world) => world,
            Err(error) => return Ok(Some(admin::refuse_world(&error).map(Payload::whole))),
        };
        let plan = world.plan(&request, arrival.at);
        let unread = unread.or_else(|| lacks_host(&request).then_some(Problem::NoHost));
        let (reply, ending) = match unread {
            Some(problem) => {
                let reply = world.service.refuse(&head_of(&request), &problem);
                (Some(reply), Ending::Whole)
            }
            None if plan.is_empty() => self.carry_out(&world, &request, &world.defects).await,
            None => self.carry_out_planned(&world, &request, &plan).await,
        };
        let outcome = Outcome {
            reply: reply.as_ref(),
            is_heard: ending.is_heard(),
            plan: &plan,
        };
        self.note(&world, request, outcome, arrival);
        let response = reply.map(|reply| reply.response);
        match (response, ending) {
            (Some(response), Ending::Whole) => Ok(Some(response.map(Payload::whole))),
            (Some(response), Ending::Cut(cut)) => Ok(Some(
                response.map(|body| Payload::cut(&body, cut.of(body.len()))),
            )),
            (Some(response), Ending::Slow { chunks, over }) => Ok(Some(
                response.map(|body| Payload::slow(&body, chunks, over)),
            )),
            (_, Ending::Parting(parting)) => {
                activity.part(parting);
                Err(Unanswered)
            }
            (_, Ending::Close) => Err(Unanswered),
            _ => Ok(None),
        }
    }

    /// Returns the answer of the world, and the way in which it goes out.
    async fn carry_out(
        &self,
        world: &LiveWorld,
        request: &Request<Bytes>,
        defects: &Defects,
    ) -> (Option<Reply>, Ending) {
        if request.headers().contains_key(PREFER) {
            let operation = defects::operation_of(&world.service, request);
            if let Some(reply) = faults::prefer(&world.service, request, operation) {
                return (Some(reply), Ending::Whole);
            }
        }
        let (mut reply, ending) = match deliver(&world.service, request, defects) {
            Delivery::Answer(reply) => (Some(reply), Ending::Whole),
            Delivery::Truncated(reply) => (Some(reply), Ending::Cut(Cut::Fraction(0.5))),
            Delivery::Hang => (None, Ending::Hang),
            Delivery::Reset => (None, Ending::Close),
        };
        if let Some(answered) = &mut reply {
            kept(world, request, answered).await;
        }
        let wrote = reply.as_ref().filter(|reply| reply.wrote.is_some());
        if let Some(reply) = wrote
            && self.commits.receiver_count() > 0
        {
            let commit = (Arc::clone(world.name()), reply.rule.operation);
            let _ = self.commits.send(commit);
        }
        (reply, ending)
    }

    /// Does the same with the faults planned before and after the answer.
    async fn carry_out_planned(
        &self,
        world: &LiveWorld,
        request: &Request<Bytes>,
        plan: &Plan,
    ) -> (Option<Reply>, Ending) {
        for act in &plan.before {
            if self.wait(world, act).await {
                continue;
            }
            let (mut reply, ending) = act_out(act, world, request, None);
            if let Some(reply) = &mut reply {
                plan.edit(&mut reply.response);
            }
            return (reply, ending.unwrap_or(Ending::Whole));
        }
        let (mut reply, mut ending) = if let Some(writes) = plan.stale {
            let reply = world.service.look_back(request, writes, system_time());
            (Some(reply), Ending::Whole)
        } else {
            let defects = plan.defects(&world.defects);
            self.carry_out(world, request, &defects).await
        };
        for act in &plan.after {
            if self.wait(world, act).await {
                continue;
            }
            let (next, decided) = act_out(act, world, request, reply);
            reply = next;
            if let Some(decided) = decided {
                ending = decided;
            }
        }
        if let Some(reply) = &mut reply {
            plan.edit(&mut reply.response);
        }
        (reply, ending)
    }

    /// Carries out an act that waits; returns `true` if it was one.
    async fn wait(&self, world: &LiveWorld, act: &Act) -> bool {
        match act {
            Act::Delay(time) => tokio::time::sleep(*time).await,
            Act::Hold(hold) => {
                let mut commits = self.commits.subscribe();
                let committed = async {
                    loop {
                        match commits.recv().await {
                            Ok((name, operation)) => {
                                if name == *world.name() && hold.ends_with(operation) {
                                    break;
                                }
                            }
                            // Too many commits to follow: one of them may have been the right one.
                            Err(broadcast::error::RecvError::Lagged(_)) => break,
                            Err(broadcast::error::RecvError::Closed) => {
                                std::future::pending::<()>().await;
                            }
                        }
                    }
                };
                let _ = tokio::time::timeout(hold.at_most, committed).await;
            }
            _ => return false,
        }
        true
    }

    /// Keeps an exchange: in the journal, for its followers, and in the request log.
    fn note(
        &self,
        world: &LiveWorld,
        request: Request<Bytes>,
        outcome: Outcome<'_>,
        arrival: Arrival,
    ) {
        let Outcome { reply, plan, .. } = outcome;
        let heard = reply.filter(|_| outcome.is_heard);
        let limits = self.worlds.share().limits();
        let id = self.worlds.share().number();
        let took = arrival.started.elapsed();
        let rule = reply.map(|reply| reply.rule);
        let status = heard.map_or(0, |reply| reply.response.status().as_u16());
        self.control.metrics.count(rule, status, took);
        let settings = world.service.settings();
        world.judge().see(&Seen {
            id,
            at: arrival.at,
            request: &request,
            response: heard.map(|reply| &reply.response),
            rule,
            profile: &settings.profile,
            fault: !plan.is_empty(),
        });
        let keeps = limits.exchanges > 0;
        if !keeps && self.log.is_none() && self.control.feed.receiver_count() == 0 {
            return;
        }
        let operation = match rule {
            Some(rule) => rule.operation,
            None => defects::operation_of(&world.service, &request),
        };
        let exchange = Exchange {
            at: arrival.at,
            operation,
            answer: heard.map(|reply| Answered::of(&reply.response, limits.body)),
            rule,
            writes_before: reply.map_or(0, |reply| reply.writes),
            wrote: reply.and_then(|reply| reply.wrote),
            faults: plan.rules.iter().map(ToString::to_string).collect(),
            plan: (!plan.is_empty()).then(|| plan.to_json()),
            took,
            ..Exchange::of(request, id, Arc::clone(world.name()), limits.body)
        };
        if let Some(log) = &self.log {
            log.record(&Entry {
                at: exchange.at,
                method: &exchange.method,
                target: &self.control.redactor.target(&exchange.target),
                status,
                id: Some(id),
                world: Some(&exchange.world),
                rule,
                faults: &exchange.faults,
                took,
            });
        }
        let exchange = Arc::new(exchange);
        if keeps {
            world.journal.keep(Arc::clone(&exchange));
        }
        // Sent after it is kept: a new follower finds it in the journal or receives it here.
        if self.control.feed.receiver_count() > 0 {
            let _ = self.control.feed.send(exchange);
        }
    }

    /// Streams the exchanges as they happen, as server-sent events.
    fn follow(&self, followed: Followed, activity: &Activity) -> Response<Payload> {
        let (sender, receiver) = mpsc::channel(READY);
        let stream = Follower {
            followed,
            redactor: self.control.redactor.clone(),
            local: self.worlds.own().service.local(),
            patience: self.limits.idle,
            sender,
        };
        tokio::spawn(stream.run(activity.stop.clone()));
        let busy = Arc::clone(&activity.in_flight);
        busy.fetch_add(1, Ordering::Relaxed);
        let mut response = Response::new(Payload::Stream(Events { receiver, busy }));
        let headers = response.headers_mut();
        let stream = HeaderValue::from_static("text/event-stream");
        headers.insert(http::header::CONTENT_TYPE, stream);
        let fresh = HeaderValue::from_static("no-cache");
        headers.insert(http::header::CACHE_CONTROL, fresh);
        response
    }

    async fn collect(&self, body: Incoming) -> Result<Bytes, Problem> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let limit = self.limits.body;
        if body.size_hint().lower() > limit as u64 {
            return Err(Problem::BodyTooLarge(limit));
        }
        let collected = put_together(body, limit);
        match tokio::time::timeout(self.limits.idle, collected).await {
            Err(_) => Err(Problem::BodyTooSlow),
            Ok(Ok(body)) => Ok(body),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                Err(Problem::BodyTooLarge(limit))
            }
            Ok(Err(_)) => Err(Problem::BodyBroken),
        }
    }
}

/// The other side of a connection.
#[derive(Debug, Clone, Copy)]
struct Caller {
    peer: SocketAddr,
    is_over_tls: bool,
}

/// The arrival of a request, by the system's clock and by a monotonic one.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: Timestamp,
    started: Instant,
}

/// Makes the pieces of a long answer, each on a thread apart and only when there is room for it, so
/// that a client that stops reading holds no thread.
async fn make(mut pieces: Pieces, sender: mpsc::Sender<Option<Bytes>>, patience: Duration) {
    loop {
        let Ok(Ok(room)) = tokio::time::timeout(patience, sender.reserve()).await else {
            // They may be the last that holds a large world, which takes long to free.
            tokio::task::spawn_blocking(move || drop(pieces));
            return;
        };
        let made = tokio::task::spawn_blocking(move || {
            let piece = pieces.next();
            let rest = piece.is_some().then_some(pieces);
            (piece, rest)
        });
        let Ok((piece, rest)) = made.await else {
            return;
        };
        room.send(piece);
        let Some(rest) = rest else { return };
        pieces = rest;
    }
}

/// Reads a body of at most `limit` bytes into one piece. The piece grows as parts arrive, since
/// joining them at the end would hold up other clients.
async fn put_together(
    body: Incoming,
    limit: usize,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut body = Limited::new(body, limit);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(part) = frame?.into_data() else {
            continue;
        };
        if first.is_empty() && all.is_empty() {
            first = part;
            continue;
        }
        if all.is_empty() {
            all.reserve(announced.min(limit));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&part);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// The end of an exchange.
enum Ending {
    /// The whole answer is sent.
    Whole,
    /// A part of the body is sent, then the connection is closed.
    Cut(Cut),
    /// The body is sent in this many pieces, spread over a time.
    Slow { chunks: u32, over: Duration },
    /// Nothing is sent, and the connection stays open.
    Hang,
    /// Nothing is sent, and the connection is closed.
    Close,
    /// Nothing is sent, and the connection ends in a broken way.
    Parting(Parting),
}

impl Ending {
    /// Returns `true` if the client receives an answer, be it only a part.
    fn is_heard(&self) -> bool {
        matches!(self, Self::Whole | Self::Cut(_) | Self::Slow { .. })
    }
}

/// The result of an exchange, as it is noted.
#[derive(Clone, Copy)]
struct Outcome<'a> {
    /// The answer of the world.
    reply: Option<&'a Reply>,
    /// Is true where the client receives it.
    is_heard: bool,
    plan: &'a Plan,
}

/// Returns the answer of the service under its defects. Where that may take long, other connections
/// go on meanwhile.
fn deliver(service: &Service, request: &Request<Bytes>, defects: &Defects) -> Delivery {
    let answer = || defects.answer(service, request, system_time);
    let may_take_long =
        request.body().len() > LARGE_BODY || defects.may_hold() || service.is_kept_waiting(request);
    if may_take_long && has_more_threads() {
        tokio::task::block_in_place(answer)
    } else {
        answer()
    }
}

/// Returns `true` if other threads can take over the tasks that this one would keep waiting.
fn has_more_threads() -> bool {
    let flavor = tokio::runtime::Handle::current().runtime_flavor();
    flavor != tokio::runtime::RuntimeFlavor::CurrentThread
}

/// Waits until the write behind an answer is kept in the data file, where there is one. A write
/// that could not be kept did not happen, and the client gets that refusal instead.
async fn kept(world: &LiveWorld, request: &Request<Bytes>, reply: &mut Reply) {
    let Some(pending) = reply.pending.take() else {
        return;
    };
    if let Err(why) = pending.await {
        *reply = world
            .service
            .refuse(&head_of(request), &Problem::NotKept(why.to_string()));
    }
}

/// Applies an act to an answer. Also returns the end of the exchange where the act decides it.
fn act_out(
    act: &Act,
    world: &LiveWorld,
    request: &Request<Bytes>,
    reply: Option<Reply>,
) -> (Option<Reply>, Option<Ending>) {
    match act {
        Act::Answer(problem) => {
            let refusal = world.service.refuse(&head_of(request), problem);
            let (writes, wrote) = reply.map_or((0, None), |reply| (reply.writes, reply.wrote));
            let refusal = Reply {
                writes,
                wrote,
                ..refusal
            };
            (Some(refusal), Some(Ending::Whole))
        }
        Act::EmptyReply => (reply, Some(Ending::Close)),
        Act::Reset => (reply, Some(Ending::Parting(Parting::Reset))),
        Act::Garbage(garbage) => {
            let parting = Parting::Garbage(garbage.bytes());
            (reply, Some(Ending::Parting(parting)))
        }
        Act::Truncate(cut) => (reply, Some(Ending::Cut(*cut))),
        Act::SlowBody { chunks, over } => {
            let (chunks, over) = (*chunks, *over);
            (reply, Some(Ending::Slow { chunks, over }))
        }
        // Waits are over by now, and `Plan::edit` makes the edits.
        Act::Delay(_) | Act::Hold(_) | Act::Edit(_) => (reply, None),
    }
}

/// The answer to a preflight request.
fn preflight(headers: &http::HeaderMap) -> Response<Payload> {
    let mut response = Response::new(Payload::whole(Bytes::new()));
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    let allow = response.headers_mut();
    allow.insert(
        http::header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, HEAD, OPTIONS"),
    );
    if let Some(asked) = headers.get(http::header::ACCESS_CONTROL_REQUEST_HEADERS) {
        allow.insert(http::header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    allow.insert(
        http::header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("600"),
    );
    response
}

/// Returns `true` if a request lacks the `Host` that HTTP/1.1 demands.
fn lacks_host(request: &Request<Bytes>) -> bool {
    request.version() == http::Version::HTTP_11
        && request.uri().authority().is_none()
        && !request.headers().contains_key(http::header::HOST)
}

/// A request without its body.
fn head_of(request: &Request<Bytes>) -> Request<()> {
    request.clone().map(drop)
}

/// The size of the request line and the headers without separators, bytes.
fn head_size(head: &http::request::Parts) -> usize {
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    let target = head.uri.path_and_query().map_or(0, |t| t.as_str().len());
    target + headers.sum::<usize>()
}
