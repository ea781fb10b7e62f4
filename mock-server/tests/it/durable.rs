//! The file of the durable log: after any end of the process, exactly the answered writes are
//! there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use http::Request;
use proptest::prelude::*;
use rstest::rstest;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use serde_json::{Value, json};
use whippy_engine::backend::{Backend, Reset, Seed};
use whippy_engine::clock::ClockMode;
use whippy_engine::engine::Reply;
use whippy_engine::model::time::{Timestamp, UtcOffset};
use whippy_mock::log::{FileError, Log, LogOptions};
use whippy_mock::worlds::service::Service;

use super::log::{FIXED, Step, System, any_seed, any_step, create, export, export_of, post, seed};
use super::requests::{INCREASE, SKU, STOCKS, request, store};
use super::support::{self, Mock, PATIENCE};

/// A folder that is removed after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("durable-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("mock.db")
    }

    /// Returns every file in it, with its bytes.
    fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let files = paths.filter(|path| path.is_file());
        files
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const OPEN: LogOptions = LogOptions {
    sync: whippy_mock::log::Sync::Process,
    limit: None,
};

#[track_caller]
fn refused(path: &Path) -> String {
    let said = Log::open(path, OPEN).unwrap_err().to_string();
    let rest = said.strip_prefix(&format!("{}: ", path.display())).unwrap();
    rest.to_owned()
}

/// Opens a file after it was closed. A snapshot under way keeps it open a little longer.
#[track_caller]
fn opened(path: &Path) -> (Log, Vec<whippy_mock::log::KeptWorld>) {
    let until = Instant::now() + PATIENCE;
    loop {
        match Log::open(path, OPEN) {
            Err(why) if matches!(why.why, FileError::InUse) && Instant::now() < until => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

/// Returns the log of a file, and its services by name.
#[track_caller]
fn reopened(path: &Path, seed: &Seed) -> (Log, BTreeMap<String, Service>) {
    let (log, worlds) = opened(path);
    let services = worlds.into_iter().map(|world| {
        let name = world.name.clone();
        (name, Service::restored(seed.clone(), &log, world).unwrap())
    });
    let services = services.collect();
    (log, services)
}

/// Sends a request, and waits until the answer may be given.
fn settled(service: &Service, asked: &Request<bytes::Bytes>) -> Result<Reply, String> {
    let mut reply = service.answer(asked, &|| Timestamp::EPOCH);
    if let Some(pending) = reply.pending.take() {
        pending.wait().map_err(|why| why.to_string())?;
    }
    Ok(reply)
}

#[track_caller]
fn ask(service: &Service, asked: &Request<bytes::Bytes>, status: u16) {
    let reply = settled(service, asked).unwrap();
    assert_eq!(reply.response.status(), status);
}

fn increase() -> Request<bytes::Bytes> {
    post(INCREASE, &json!({"sku": SKU, "location": "110"}))
}

/// Returns the SKUs of a world, without those of the seed.
fn skus(service: &Service) -> Vec<String> {
    let known = export_of(&store("documented"));
    let of = |world: &Value| -> Vec<String> {
        let stocks = world["stocks"].as_array().unwrap().iter();
        stocks
            .map(|stock| stock["sku"].as_str().unwrap().to_owned())
            .collect()
    };
    let known = of(&known);
    let mut skus = of(&export(service));
    skus.retain(|sku| !known.contains(sku));
    skus.sort_unstable();
    skus
}

/// A step in the life of the worlds in a file.
#[derive(Debug, Clone)]
enum Happening {
    Step(usize, Box<Step>),
    Reset(usize, bool),
    Fork(usize, usize),
    Forget(usize),
    Reopen,
}

const NAMES: [&str; 3] = ["default", "a", "b"];

fn any_happening() -> impl Strategy<Value = Happening> {
    let world = 0..NAMES.len();
    prop_oneof![
        20 => (world.clone(), any_step()).prop_map(|(world, step)| Happening::Step(world, step.into())),
        1 => (world.clone(), any::<bool>()).prop_map(|(world, empty)| Happening::Reset(world, empty)),
        1 => (world.clone(), world.clone()).prop_map(|(from, to)| Happening::Fork(from, to)),
        1 => world.prop_map(Happening::Forget),
        1 => Just(Happening::Reopen),
    ]
}

/// Returns everything that must be there again.
fn seen(service: &Service) -> (Value, u64, ClockMode, Vec<Value>) {
    let last = service.kept().1;
    let past = (0..=last).rev().map_while(|seq| service.at(seq).ok());
    let past = past.map(|engine| export_of(engine.store()));
    let mode = service.clock().mode();
    (export(service), last, mode, past.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_restart_gives_the_same_worlds(
        seed in any_seed(),
        happenings in prop::collection::vec(any_happening(), 0..40),
    ) {
        let folder = Folder::new();
        let path = folder.file();
        let system = System::new();
        let (mut log, _) = Log::open(&path, OPEN).unwrap();
        let durable = |log: &Log, name: &str| Service::durable(seed.clone(), log, name);
        let mut worlds = NAMES.map(|name| durable(&log, name));
        for happening in happenings.into_iter().chain([Happening::Reopen]) {
            match happening {
                Happening::Step(world, step) => {
                    step.take(&worlds[world], &system);
                }
                Happening::Reset(world, is_empty) => {
                    let store = is_empty.then(|| store("empty"));
                    worlds[world].reset(Reset { store, ..Reset::default() }).unwrap();
                }
                Happening::Fork(from, to) if from != to => {
                    worlds[to].forget().unwrap();
                    worlds[to] = worlds[from].fork(NAMES[to]);
                    prop_assert_eq!(worlds[to].pending().map_or(Ok(()), |p| p.wait()), Ok(()));
                }
                Happening::Fork(..) => {}
                Happening::Forget(world) => {
                    worlds[world].forget().unwrap();
                    worlds[world] = durable(&log, NAMES[world]);
                }
                Happening::Reopen => {
                    let before: Vec<_> = worlds.iter().map(seen).collect();
                    let clocks: Vec<_> = worlds.iter().map(Service::clock).collect();
                    drop((worlds, log));
                    let (again, mut services) = reopened(&path, &seed);
                    log = again;
                    worlds = NAMES.map(|name| match services.remove(name) {
                        Some(service) => service,
                        None => durable(&log, name),
                    });
                    for ((world, before), clock) in worlds.iter().zip(before).zip(clocks) {
                        let mut after = seen(world);
                        // A fork read from the file also knows the earlier writes of its source.
                        after.3.truncate(before.3.len());
                        if after.1 > 0 {
                            prop_assert_eq!(world.clock(), clock);
                            prop_assert_eq!(after, before);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_world_that_nobody_wrote_to_is_not_in_the_file() {
    let folder = Folder::new();
    let (log, _) = opened(&folder.file());
    let service = Service::durable(seed(&[], FIXED), &log, "default");
    ask(&service, &request("GET", STOCKS, &[], ""), 200);
    ask(&service, &post(STOCKS, &json!({})), 400);
    drop((service, log));
    let (_, services) = reopened(&folder.file(), &seed(&[], FIXED));
    assert!(services.is_empty());
}

#[test]
fn readings_and_clock_are_the_files_and_tokens_are_not() {
    let folder = Folder::new();
    let (log, _) = opened(&folder.file());
    let service = Service::durable(
        seed(&[("decrease-at-zero", "floor")], FIXED),
        &log,
        "default",
    );
    ask(&service, &create("A"), 201);
    let clock = service.clock();
    drop((service, log));
    let mut other = seed(&[], "real");
    other.settings.tokens.push("known".to_owned());
    let (_log, services) = reopened(&folder.file(), &other);
    let service = &services["default"];
    assert_eq!(service.clock(), clock);
    assert_eq!(
        service.settings().profile,
        seed(&[("decrease-at-zero", "floor")], FIXED)
            .settings
            .profile
    );
    ask(service, &create("B"), 401);
}

#[test]
fn a_real_clock_gives_no_moment_twice_over_a_restart() {
    let folder = Folder::new();
    let (log, _) = opened(&folder.file());
    let service = Service::durable(seed(&[], "real"), &log, "default");
    let later = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
    let reply = service.answer(&create("A"), &|| later);
    assert_eq!(reply.response.status(), 201);
    drop((service, log));
    let (_log, services) = reopened(&folder.file(), &seed(&[], "real"));
    let service = &services["default"];
    let reply = service.answer(&create("B"), &|| later.plus(-60_000_000));
    let stock: Value = serde_json::from_slice(reply.response.body()).unwrap();
    let created = stock["created_date"].as_str().unwrap();
    assert!(Timestamp::parse(created, UtcOffset::PAGE).unwrap() > later);
}

#[test]
fn a_restart_begins_with_the_last_snapshot_and_the_file_remembers_more() {
    let folder = Folder::new();
    let (log, _) = opened(&folder.file());
    let service = Service::durable(seed(&[], FIXED), &log, "default");
    let increase = increase();
    for _ in 0..34_500 {
        let reply = service.answer(&increase, &|| Timestamp::EPOCH);
        assert_eq!(reply.response.status(), 201);
    }
    let is = export(&service);
    assert_eq!(
        service.pending().map_or(Ok(()), |pending| pending.wait()),
        Ok(())
    );
    drop((service, log));
    // On a busy machine the end may come before the last snapshot. A restart then takes the one
    // that is due, beside its work.
    let (service, _log, from) = (0..20)
        .find_map(|_| {
            let (log, worlds) = opened(&folder.file());
            let world = worlds.into_iter().next().unwrap();
            let (from, writes) = (world.seq, world.writes.len());
            assert!(from >= 10_000, "{from}");
            assert_eq!(from + writes as u64, 34_500);
            let service = Service::restored(seed(&[], FIXED), &log, world).unwrap();
            (from >= 30_000).then_some((service, log, from))
        })
        .expect("a snapshot of the last writes");
    assert_eq!(export(&service), is);
    let reserved = |seq| {
        let world = export_of(service.at(seq).unwrap().store());
        let stocks = world["stocks"].as_array().unwrap().clone();
        stocks
            .into_iter()
            .find(|stock| stock["sku"] == SKU)
            .unwrap()["reserved_stock"]
            .clone()
    };
    assert!(service.kept().0 >= from);
    for seq in [from - 1, from - 5_000, from, 34_500] {
        assert_eq!(reserved(seq), seq, "after write {seq}");
    }
    let diff = service.diff(from - 9, from - 5).unwrap();
    let changes = &diff["stocks"]["changed"][0]["changes"];
    assert_eq!(
        changes["reserved_stock"],
        json!({"before": from - 9, "after": from - 5})
    );
    // The writes before the last snapshot but one are dropped.
    let gone = service.at(1).unwrap_err().to_string();
    assert_eq!(gone, "the state after write 1 is not kept any more");
}

#[test]
fn many_wait_for_one_commit() {
    let folder = Folder::new();
    let (log, _) = opened(&folder.file());
    let service = Service::durable(seed(&[], FIXED), &log, "default");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let waiting = (0..200).map(|n| {
        let reply = service.answer(&create(&format!("S{n}")), &|| Timestamp::EPOCH);
        assert_eq!(reply.response.status(), 201);
        reply.pending
    });
    let waiting: Vec<_> = waiting.collect();
    runtime.block_on(async {
        for pending in waiting.into_iter().flatten() {
            assert_eq!(pending.await, Ok(()));
        }
    });
    assert!(service.pending().is_none());
}

/// Creates a closed file of this program, with a world.
fn ours(path: &Path) {
    let (log, _) = Log::open(path, OPEN).unwrap();
    let service = Service::durable(seed(&[], FIXED), &log, "default");
    for n in 0..200 {
        ask(&service, &create(&format!("S{n}")), 201);
    }
}

/// Creates the same as a kill leaves it: the latest writes are in the write-ahead log.
fn ours_killed(path: &Path) {
    let (log, _) = Log::open(path, OPEN).unwrap();
    drop(log);
    let (log, _) = Log::open(path, OPEN).unwrap();
    let service = Service::durable(seed(&[], FIXED), &log, "default");
    for n in 0..200 {
        ask(&service, &create(&format!("S{n}")), 201);
    }
    for name in ["mock.db", "mock.db-wal", "mock.db-answered"] {
        let file = path.with_file_name(name);
        std::fs::copy(&file, file.with_extension("copy")).unwrap();
        std::fs::rename(file.with_extension("copy"), file).unwrap();
    }
    // Closing changes the files, after they were copied.
    drop((service, log));
}

fn overwritten(path: &Path, at: usize, bytes: &[u8]) {
    let mut data = std::fs::read(path).unwrap();
    data[at..at + bytes.len()].copy_from_slice(bytes);
    std::fs::write(path, data).unwrap();
}

fn is_text(path: &Path) {
    std::fs::write(path, "id,sku\n1,500\n".repeat(100)).unwrap();
}

fn is_short(path: &Path) {
    std::fs::write(path, "SQLite format 3\0").unwrap();
}

fn is_of_another_program(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE worlds (id)")
        .unwrap();
}

fn is_newer(path: &Path) {
    ours(path);
    overwritten(path, 60, &3_i32.to_be_bytes());
}

fn is_cut_short(path: &Path) {
    ours(path);
    let length = std::fs::metadata(path).unwrap().len();
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length / 2).unwrap();
}

fn has_a_page_of_noise(path: &Path) {
    ours(path);
    overwritten(path, 3 * 4_096, &[0xa5; 4_096]);
}

fn lacks_a_write(path: &Path) {
    ours(path);
    let connection = Connection::open(path).unwrap();
    connection
        .execute("DELETE FROM writes WHERE id & 0xff = 100", [])
        .unwrap();
}

/// Removes a write, with the latest writes still in the write-ahead log as a kill leaves them.
fn lacks_a_write_and_was_killed(path: &Path) {
    ours(path);
    let connection = Connection::open(path).unwrap();
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .unwrap();
    connection
        .execute("DELETE FROM writes WHERE id & 0xff = 100", [])
        .unwrap();
    drop(connection);
    let ahead = path.with_file_name("mock.db-wal");
    assert!(ahead.metadata().unwrap().len() > 0);
}

fn has_another_body(path: &Path) {
    ours(path);
    let connection = Connection::open(path).unwrap();
    connection
        .execute(
            "UPDATE writes SET body = CAST(replace(body, 'S7', 'S8') AS BLOB)",
            [],
        )
        .unwrap();
}

/// Creates a file as a kill leaves it, and removes the write-ahead log.
fn lost_its_last_commits(path: &Path) {
    ours_killed(path);
    std::fs::remove_file(path.with_file_name("mock.db-wal")).unwrap();
}

fn is_a_pipe(path: &Path) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
}

fn lacks_its_beginning(path: &Path) {
    std::fs::write(path, "").unwrap();
    std::fs::write(path.with_file_name("mock.db-wal"), "something").unwrap();
}

fn is_a_folder(path: &Path) {
    std::fs::create_dir(path).unwrap();
}

#[rstest]
#[case(
    is_text,
    "it is no data file of whippy-mock; name another, or none that exists"
)]
#[case(
    is_short,
    "it is no data file of whippy-mock; name another, or none that exists"
)]
#[case(
    is_of_another_program,
    "it is no data file of whippy-mock; name another, or none that exists"
)]
#[case(is_newer, "its format is 3, and this version of whippy-mock reads 2")]
#[case(is_cut_short, "it is damaged, and left as it is: ")]
#[case(has_a_page_of_noise, "it is damaged, and left as it is: ")]
#[case(lacks_a_write, "it is damaged, and left as it is: records are missing")]
#[case(
    lacks_a_write_and_was_killed,
    "it is damaged, and left as it is: records are missing"
)]
#[case(
    has_another_body,
    "it is damaged, and left as it is: a write differs from its checksum"
)]
#[case(
    lost_its_last_commits,
    "it is damaged, and left as it is: 200 of the commits that were answered are missing, most \
     likely from "
)]
#[case(lacks_its_beginning, "it is empty or missing, but ")]
#[case(is_a_folder, "it is not a file")]
#[case(is_a_pipe, "it is not a file")]
fn a_file_that_cannot_be_used_is_refused_and_left_as_it_was(
    #[case] make: fn(&Path),
    #[case] says: &str,
) {
    let folder = Folder::new();
    make(&folder.file());
    let before = folder.bytes();
    let said = refused(&folder.file());
    assert!(said.starts_with(says), "{said}");
    assert!(!said.contains('\n'), "{said}");
    let after = folder.bytes();
    assert!(before.keys().eq(after.keys()), "{:?}", after.keys());
    assert!(before == after);
}

/// Changes single bytes at every position of a file. The file is refused, or all answered writes
/// are found.
#[rstest]
#[case::of_the_file("mock.db", ours as fn(&Path))]
#[case::of_the_write_ahead_log("mock.db-wal", ours_killed as fn(&Path))]
fn a_changed_byte_is_told_or_changes_nothing(#[case] name: &str, #[case] make: fn(&Path)) {
    let folder = Folder::new();
    make(&folder.file());
    let expected: Vec<String> = {
        let mut skus: Vec<_> = (0..200).map(|n| format!("S{n}")).collect();
        skus.sort_unstable();
        skus
    };
    let sound = folder.bytes();
    let file = folder.file().with_file_name(name);
    let length = sound[&file].len();
    let mut told = 0;
    let places: Vec<usize> = (0..length).step_by(length / 120 + 1).collect();
    for at in &places {
        for (path, bytes) in &sound {
            std::fs::write(path, bytes).unwrap();
        }
        let changed = sound[&file][*at] ^ 0x10;
        overwritten(&file, *at, &[changed]);
        match Log::open(&folder.file(), OPEN) {
            Err(_) => told += 1,
            Ok((log, worlds)) => {
                let mut worlds = worlds.into_iter();
                let world = worlds.next().unwrap();
                let service = Service::restored(seed(&[], FIXED), &log, world).unwrap();
                assert_eq!(skus(&service), expected, "byte {at} of {name}");
            }
        }
    }
    assert!(told * 4 > places.len(), "{told} of {}", places.len());
}

/// A counter of snapshots that began again in each session would let the file grow without bound.
#[test]
fn a_file_does_not_grow_with_the_sessions_that_wrote_it() {
    let folder = Folder::new();
    let mut begun = false;
    for session in 0..20 {
        let (log, services) = reopened(&folder.file(), &seed(&[], FIXED));
        let durable = Service::durable(seed(&[], FIXED), &log, "default");
        let service = services.get("default").unwrap_or(&durable);
        assert_eq!(services.is_empty(), !begun);
        begun = true;
        for n in 0..2_500 {
            let wanted = increase();
            service.answer(&wanted, &|| Timestamp::EPOCH.plus(session * 10_000 + n));
        }
        service.pending().map(|pending| pending.wait());
        drop((services, durable, log));
    }
    let connection = Connection::open(folder.file()).unwrap();
    let count = |what: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {what}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    // Of 50,000 writes, two stretches of 10,000 and the present one stay. A slow snapshot comes a
    // session or two later.
    assert!(count("writes") <= 35_000, "{} writes", count("writes"));
    assert!(count("snapshots") <= 2);
    let auto_vacuum = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0));
    assert_eq!(auto_vacuum, Ok(2), "it cannot shrink");
}

#[rstest]
#[case(":memory:")]
#[case("file:mock.db")]
#[case("file::memory:?cache=shared")]
fn a_name_that_sqlite_takes_for_another_is_refused(#[case] name: &str) {
    let said = refused(Path::new(name));
    assert!(
        said.contains("nothing would be kept; name a file"),
        "{said}"
    );
}

#[test]
fn a_fork_and_a_clock_of_an_untouched_world_are_kept() {
    let folder = Folder::new();
    let (log, _) = opened(&folder.file());
    let service = Service::durable(seed(&[], FIXED), &log, "default");
    let fork = service.fork("fork");
    assert_eq!(fork.pending().map(|pending| pending.wait()), Some(Ok(())));
    let clock = ClockMode::parse("2030-01-01T00:00:00+03:00", UtcOffset::PAGE).unwrap();
    let set = Service::durable(seed(&[], FIXED), &log, "set");
    set.set_clock(clock).unwrap();
    let expected = (fork.clock(), set.clock());
    // Copied while it is open, as a kill would leave it.
    let copy = Folder::new();
    for (path, bytes) in folder.bytes() {
        std::fs::write(copy.0.join(path.file_name().unwrap()), bytes).unwrap();
    }
    let (_log, services) = reopened(&copy.file(), &seed(&[], "real"));
    assert_eq!(
        (services["fork"].clock(), services["set"].clock()),
        expected
    );
}

#[test]
fn a_second_opener_is_refused_until_the_first_is_gone() {
    let folder = Folder::new();
    let first = opened(&folder.file());
    assert_eq!(refused(&folder.file()), "another process is using it");
    drop(first);
    assert!(Log::open(&folder.file(), OPEN).is_ok());
}

#[test]
fn a_limit_that_holds_nothing_is_refused() {
    let folder = Folder::new();
    let options = LogOptions {
        limit: Some(1_000),
        ..OPEN
    };
    let said = Log::open(&folder.file(), options).unwrap_err().to_string();
    assert!(
        said.ends_with("it cannot be limited to 1000 bytes: the least is 262144"),
        "{said}"
    );
    assert!(folder.bytes().is_empty());
}

/// As many writes as fit are stored and answered. The others leave no trace, now and after a
/// restart. Once there is room, writes succeed again.
#[test]
fn a_full_file_refuses_cleanly_and_recovers() {
    const THREADS: usize = 4;
    let folder = Folder::new();
    let options = LogOptions {
        limit: Some(512 * 1024),
        ..OPEN
    };
    let (log, _) = Log::open(&folder.file(), options).unwrap();
    let service = Service::durable(seed(&[], FIXED), &log, "default");
    let padding = "x".repeat(2_000);
    let run = |thread: usize| {
        let mut kept = Vec::new();
        for n in 0..1_000 {
            let sku = format!("{thread}-{n}");
            let body = json!({
                "provider": "shop_provider", "location": "110", "stock": 5, "sku": sku, "note": padding,
            });
            match settled(&service, &post(STOCKS, &body)) {
                Ok(reply) => {
                    assert_eq!(reply.response.status(), 201);
                    kept.push(sku);
                }
                Err(why) => return (kept, why),
            }
        }
        panic!("it is never full");
    };
    let (mut kept, whys): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || run(thread)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .unzip()
    });
    let path = folder.file();
    let full = format!(
        "nothing was written, for {} could not keep it: there is no room left",
        path.display()
    );
    assert!(whys.contains(&full), "{whys:?}");
    let mut kept: Vec<String> = kept.drain(..).flatten().collect();
    kept.sort_unstable();
    assert!(kept.len() > 50, "{}", kept.len());
    assert_eq!(skus(&service), kept);
    assert_eq!(
        service.world().1,
        export(&service)["stocks"].as_array().unwrap().len()
    );
    assert_eq!(
        export_of(service.at(service.kept().1).unwrap().store()),
        export(&service)
    );
    // A smaller write may still fit, so only a large one is sure to be refused.
    let large = json!({
        "provider": "shop_provider", "location": "110", "stock": 5, "sku": "L", "note": "x".repeat(600_000),
    });
    assert_eq!(settled(&service, &post(STOCKS, &large)).unwrap_err(), full);
    assert_eq!(skus(&service), kept);
    // Reads still work.
    ask(&service, &request("GET", STOCKS, &[], ""), 200);
    let other = Service::durable(seed(&[], FIXED), &log, "other");
    assert_eq!(settled(&other, &post(STOCKS, &large)).unwrap_err(), full);
    assert_eq!(skus(&other), Vec::<String>::new());
    drop((service, other, log));

    let (log, worlds) = Log::open(&path, options).unwrap();
    let mut worlds = worlds.into_iter();
    let service = Service::restored(seed(&[], FIXED), &log, worlds.next().unwrap()).unwrap();
    assert!(worlds.next().is_none());
    assert_eq!(skus(&service), kept);
    service.reset(Reset::default()).unwrap();
    ask(&service, &create("A"), 201);
    assert_eq!(skus(&service), ["A"]);
    drop((service, log));
    let (_log, services) = reopened(&path, &seed(&[], FIXED));
    assert_eq!(skus(&services["default"]), ["A"]);
}

/// The variable that turns [`writes_until_it_is_killed`] into a real writer.
const CHILD: &str = "WHIPPY_TEST_DURABLE_CHILD";
const CHILD_THREADS: usize = 4;

/// Not a test by itself, but a process that writes and prints the answered SKUs until it is killed.
#[test]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let (log, worlds) = Log::open(Path::new(&path), OPEN).unwrap();
    let service = match worlds.into_iter().next() {
        Some(world) => Service::restored(seed(&[], FIXED), &log, world).unwrap(),
        None => Service::durable(seed(&[], FIXED), &log, "default"),
    };
    let begun = skus(&service).len();
    std::thread::scope(|scope| {
        for thread in 0..CHILD_THREADS {
            let service = &service;
            scope.spawn(move || {
                for n in 0.. {
                    ask(service, &create(&format!("{begun}/{thread}/{n:06}")), 201);
                    let line = format!("answered {begun}/{thread}/{n:06}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                    std::io::stdout().flush().unwrap();
                }
            });
        }
    });
}

fn child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "durable::writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(CHILD, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// After a kill every answered write is there, and at most one more for each thread, which was
/// under way.
#[test]
fn what_was_answered_survives_a_kill() {
    let folder = Folder::new();
    let path = folder.file();
    let mut all = Vec::new();
    for lines in [1, 2, 40, 333, 1_000, 7, 2_500] {
        let mut child = child(&path);
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_answer = |line: String| line.strip_prefix("answered ").map(str::to_owned);
        let mut answered: Vec<String> = out
            .by_ref()
            .map(Result::unwrap)
            .filter_map(is_answer)
            .take(lines)
            .collect();
        child.kill().unwrap();
        answered.extend(out.map_while(Result::ok).filter_map(is_answer));
        child.wait().unwrap();
        assert!(answered.len() >= lines, "{} of {lines}", answered.len());
        // The last line may be incomplete.
        answered.retain(|sku| sku.rsplit('/').next().is_some_and(|n| n.len() == 6));

        let (log, services) = reopened(&path, &seed(&[], FIXED));
        let service = &services["default"];
        let there = skus(service);
        let missing: Vec<_> = answered.iter().filter(|sku| !there.contains(sku)).collect();
        assert!(missing.is_empty(), "answered and gone: {missing:?}");
        let more = there
            .iter()
            .filter(|sku| !answered.contains(sku) && !all.contains(*sku));
        assert!(more.count() <= CHILD_THREADS);
        assert!(all.iter().all(|sku| there.contains(sku)));
        all = there;
        drop((services, log));
    }
}

/// Does the same with the program over HTTP: several clients, and a kill in the middle.
#[test]
fn what_a_server_answered_survives_a_kill() {
    const CLIENTS: usize = 4;
    let folder = Folder::new();
    let data = format!("--data={}", folder.file().display());
    let mut all = Vec::new();
    for answers in [1, 30, 400] {
        let mock = Mock::start(&[&data]);
        let begun = all.len();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for thread in 0..CLIENTS {
                let (mut client, tell) = (mock.connect(), tell.clone());
                scope.spawn(move || {
                    for n in 0.. {
                        let sku = format!("{begun}/{thread}/{n}");
                        client.try_send(support::post(STOCKS, &support::stock(&sku)));
                        match client.try_receive() {
                            Some(answer) => assert_eq!(answer.status, 201),
                            None => break,
                        }
                        tell.send(sku).unwrap();
                    }
                });
            }
            drop(tell);
            let mut answered: Vec<_> = told.iter().take(answers).collect();
            mock.signal(rustix::process::Signal::KILL);
            answered.extend(told);
            all.extend(answered);
        });
        assert_eq!(mock.ended().code, None);
        let mock = Mock::start(&[&data]);
        for sku in &all {
            let path = format!("{STOCKS}?sku={sku}");
            let found = mock.get(&path).expect(200).json();
            assert_eq!(found["count"], 1, "{sku} was answered and is gone");
        }
        mock.signal(rustix::process::Signal::KILL);
        mock.ended();
    }
}

fn fork(mock: &Mock, from: &str, to: &str) -> support::Answer {
    let body = serde_json::json!({"as": to});
    mock.ask(support::post(
        &format!("/__admin/worlds/{from}/fork"),
        &body,
    ))
}

/// Returns the number of stocks of a SKU in a world.
fn count(mock: &Mock, world: &str, sku: &str) -> Value {
    let path = format!("/worlds/{world}{STOCKS}?sku={sku}");
    mock.get(&path).expect(200).json()["count"].clone()
}

#[test]
fn a_fork_that_is_refused_leaves_the_file_as_it_was_and_one_that_is_answered_survives_a_kill() {
    let folder = Folder::new();
    let data = format!("--data={}", folder.file().display());
    let mock = Mock::start(&[&data, "--max-worlds=3"]);
    for world in ["a", "b"] {
        let path = format!("/worlds/{world}{STOCKS}");
        mock.post(&path, &support::stock(world)).expect(201);
    }
    fork(&mock, "a", "b").expect(409);
    fork(&mock, "a", "c").expect(201);
    fork(&mock, "a", "d").expect(503);
    mock.signal(rustix::process::Signal::KILL);
    mock.ended();

    let mock = Mock::start(&[&data]);
    let worlds = mock.get("/__admin/worlds").expect(200).json();
    let worlds = worlds["worlds"].as_array().unwrap();
    let names: Vec<_> = worlds.iter().map(|world| &world["name"]).collect();
    assert_eq!(names, ["default", "a", "b", "c"]);
    for (world, sku) in [("a", "a"), ("b", "b"), ("c", "a")] {
        assert_eq!(count(&mock, world, sku), 1, "{world}");
    }
    assert_eq!(count(&mock, "b", "a"), 0);
}

/// `ulimit -f` kills a process that does not catch the signal.
#[test]
fn a_limit_to_the_size_of_files_refuses_writes_and_ends_nothing() {
    let folder = Folder::new();
    let script = r#"ulimit -f 600; exec "$0" "$@""#;
    let mock = Mock::start_by(
        &["sh", "-c", script],
        &[&format!("--data={}", folder.file().display())],
    );
    let row = |n: usize| {
        serde_json::json!({
            "provider": "shop_provider", "location": "110", "stock": 5, "sku": format!("S{n}"),
        })
    };
    let refused = (0..200).find(|batch| {
        let rows: Vec<_> = (0..500).map(|n| row(batch * 500 + n)).collect();
        let path = "/api/v1/stocks/insert_or_update_stock/";
        mock.post(path, &rows.into()).status == 507
    });
    assert!(refused.is_some());
    mock.get(STOCKS).expect(200);
}
