//! A million stocks: loading them, holding them, finding them by each documented filter, and
//! writing among them, compared with a small world in the same rounds.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.

mod filters;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::de::IgnoredAny;
use serde_json::Value;

use support::client::{Client, Connection, Request, SERIAL};
use support::cores::Cores;
use support::figures::{Rounds, Table, Target, mebibytes, millis, percentile, print_raw};
use support::process::Process;
use support::{Mode, run};
use whippy_engine::members::STOCK;
use world::{LargeWorld, Stock};

const STOCKS: usize = 1_000_000;

/// "No slower" on a machine that is never quiet: 10 % are allowed for noise.
const NO_SLOWER: Target = Target::AtMost(1.1);

fn main() -> ExitCode {
    run(|mode| {
        let mut bench = Bench::load(mode)?;
        bench.cores.one(bench.servers())?;
        bench.look_up()?;
        bench.filter()?;
        bench.turn_pages()?;
        bench.sort()?;
        bench.create_one_by_one()?;
        bench.cores.all(bench.servers())?;
        bench.create_side_by_side()?;
        bench.upsert()
    })
}

/// A mock and a connection to it.
struct Server {
    process: Process,
    connection: Connection,
}

struct Bench {
    mode: Mode,
    cores: Cores,
    client: Client,
    world: LargeWorld,
    million: Server,
    documented: Server,
    /// A world with the places of the million, and no stock.
    empty: Server,
}

fn list(query: &str) -> Request {
    Request::get(&format!("/api/v1/stocks/?{query}"))
}

impl Bench {
    /// Loads the worlds, and reports the time and memory for that.
    fn load(mode: Mode) -> io::Result<Self> {
        let cores = Cores::here()?;
        let mut client = Client::new()?;
        let world = LargeWorld::write(STOCKS)?;
        let file_size = std::fs::metadata(&world.file)?.len();
        let mut start = |world: &str| {
            // A connection is idle while others are measured.
            let process = Process::mock(&["--world", world, "--idle-timeout", "3600"])?;
            let mut connection = client.connect(process.address)?;
            client.ask(&mut connection, &mut list(""), 200)?;
            let ready = process.spawned.elapsed().as_secs_f64();
            let server = Server {
                process,
                connection,
            };
            Ok::<_, io::Error>((server, ready))
        };
        let (documented, _) = start("documented")?;
        let (empty, _) = start(&world.empty_file)?;
        let (mut million, _) = start(&world.file)?;
        let (mut loads, mut parses) = (Rounds::default(), Rounds::default());
        for _ in 0..mode.pick(7, 2) {
            drop(million);
            let ready;
            (million, ready) = start(&world.file)?;
            loads.0.push(ready);
            let started = Instant::now();
            serde_json::from_slice::<IgnoredAny>(&std::fs::read(&world.file)?)?;
            parses.0.push(started.elapsed().as_secs_f64());
        }
        let small = empty.process.resident()?;
        let per_stock = |bytes: u64| Rounds(vec![bytes as f64 / STOCKS as f64]);
        let resident = per_stock(million.process.resident()?.saturating_sub(small));
        let peak = per_stock(million.process.peak()?.saturating_sub(small));
        let (file, size) = (per_stock(file_size), mebibytes(file_size));
        println!("{STOCKS} stocks, {size:.0} MiB of JSON; median (least–most)");
        let mut table = Table::titled("Loading and holding");
        table.absolute(
            "process start to first answer",
            (&loads, &parses),
            (" s", "reading the file and walking its JSON"),
            Target::AtMost(3.0),
        );
        let against = (" B", "in the file");
        let what = "resident memory a stock";
        table.absolute(what, (&resident, &file), against, Target::AtMost(400.0));
        let what = "the same at its highest, while loading";
        table.absolute(what, (&peak, &file), against, Target::Shown);
        table.close();
        println!();
        print_raw("rounds, first answer", &loads, "s");
        Ok(Self {
            mode,
            cores,
            client,
            world,
            million,
            documented,
            empty,
        })
    }

    fn servers(&self) -> [&Process; 3] {
        [&self.million, &self.documented, &self.empty].map(|server| &server.process)
    }

    /// Compares `?sku=` here and on the documented world.
    fn look_up(&mut self) -> io::Result<()> {
        let asks = 500;
        let skus = |single| {
            let stocks = self.world.stocks.iter();
            let fitting = stocks.filter(move |stock| stock.is_single() == single);
            let skus = fitting.step_by(97).take(asks).map(Stock::sku);
            skus.map(|sku| list(&format!("sku={sku}"))).collect()
        };
        let mut singles: Vec<Request> = skus(true);
        let mut others: Vec<Request> = skus(false);
        let mut documented = vec![list("sku=555AB1300456213004"); asks];
        let mut times: [Rounds; 3] = Default::default();
        for _ in 0..self.mode.pick(41, 5) {
            let took = [
                ask(&mut self.client, &mut self.million, &mut singles, 200)?,
                ask(&mut self.client, &mut self.documented, &mut documented, 200)?,
                ask(&mut self.client, &mut self.million, &mut others, 200)?,
            ];
            for (times, mut took) in times.iter_mut().zip(took) {
                times.0.push(percentile(&mut took, 0.5));
            }
        }
        let [single, documented, several] = &times;
        let mut table = Table::titled("`?sku=`, a different SKU each time, ms");
        let against = ("", "documented world");
        let what = "SKU in one store";
        table.ratio(what, (single, documented), against, Target::AtMost(1.5));
        let what = "SKU in two to seven stores";
        table.ratio(what, (several, documented), against, Target::Shown);
        table.close();
        Ok(())
    }

    /// Measures each documented filter with its slowest value and page.
    fn filter(&mut self) -> io::Result<()> {
        let Self { client, .. } = self;
        let rounds = self.mode.pick(9, 3);
        let mut table = Table::titled("Each filter: its slowest value, first or last page, ms");
        for parameter in filters::parameters()? {
            let mut asked: Vec<(String, Request, Rounds)> = Vec::new();
            for value in filters::values(&parameter, &self.world) {
                for page in ["", "&page=last"] {
                    let query = format!("{parameter}={value}{page}");
                    asked.push((query.clone(), list(&query), Rounds::default()));
                }
            }
            let mut unfiltered = Rounds::default();
            for _ in 0..rounds {
                unfiltered.0.push(self.million.time(client, &mut list(""))?);
                for (_, request, times) in &mut asked {
                    times.0.push(self.million.time(client, request)?);
                }
            }
            let slowest = asked
                .iter_mut()
                .max_by(|a, b| a.2.median().total_cmp(&b.2.median()));
            let Some((query, request, times)) = slowest else {
                println!("| `{parameter}` | no value to ask for | | | | |");
                continue;
            };
            let connection = &mut self.million.connection;
            let count = client.ask(connection, request, 200)?.1.count()?;
            table.absolute(
                &format!("`{query}` ({count})"),
                (times, &unfiltered),
                ("", "no filter"),
                Target::AtMost(20.0),
            );
        }
        table.close();
        Ok(())
    }

    /// Compares page 50,000 with page 1.
    fn turn_pages(&mut self) -> io::Result<()> {
        let mut table = Table::titled("Pages, ms");
        for limit in [10, 20] {
            let pages = [50_000, 1];
            let [last, first] = self.compare(pages.map(|page| {
                let request = list(&format!("limit={limit}&page={page}"));
                vec![request; 300]
            }))?;
            let what = format!("page 50,000, limit {limit}");
            table.ratio(&what, (&last, &first), ("", "page 1"), NO_SLOWER);
        }
        table.close();
        Ok(())
    }

    /// Reports each sort, without a target.
    fn sort(&mut self) -> io::Result<()> {
        let rounds = self.mode.pick(5, 2);
        let mut table = Table::titled("Sorting all of them, page 50,000 and page 1, ms");
        for field in STOCK.iter().map(|member| member.name) {
            for sign in ["", "-"] {
                let sort = format!("sort={sign}{field}");
                let (mut middle, mut first) = (Rounds::default(), Rounds::default());
                for _ in 0..rounds {
                    for (times, page) in [(&mut middle, 50_000), (&mut first, 1)] {
                        let mut request = list(&format!("{sort}&page={page}"));
                        times
                            .0
                            .push(self.million.time(&mut self.client, &mut request)?);
                    }
                }
                let what = format!("`{sort}`");
                table.ratio(&what, (&middle, &first), ("", "page 1"), Target::Shown);
            }
        }
        table.close();
        Ok(())
    }

    /// Compares the time of a create here and on an empty world.
    fn create_one_by_one(&mut self) -> io::Result<()> {
        let mut requests = vec![create()];
        let shares = [("median", 0.5), ("99th percentile", 0.99)];
        let mut times: [[Rounds; 2]; 2] = Default::default();
        let mut all: [Vec<Duration>; 2] = Default::default();
        for _ in 0..self.mode.pick(40, 5) {
            let servers = [&mut self.million, &mut self.empty];
            for (i, server) in servers.into_iter().enumerate() {
                let mut took = Vec::new();
                for _ in 0..1000 {
                    took.extend(ask(&mut self.client, server, &mut requests, 201)?);
                }
                for (times, (_, share)) in times.iter_mut().zip(shares) {
                    times[i].0.push(percentile(&mut took, share));
                }
                all[i].extend(took);
            }
        }
        let mut table = Table::titled("Creating, one after the other, ms");
        for ([million, empty], (name, _)) in times.iter().zip(shares) {
            table.ratio(name, (million, empty), ("", "empty world"), NO_SLOWER);
        }
        for (name, share) in [("99.9th percentile of all", 0.999), ("longest of all", 1.0)] {
            let [million, empty] = [0, 1].map(|i| Rounds(vec![percentile(&mut all[i], share)]));
            table.ratio(name, (&million, &empty), ("", "empty world"), Target::Shown);
        }
        table.close();
        Ok(())
    }

    /// Does the same over eight connections at a time.
    fn create_side_by_side(&mut self) -> io::Result<()> {
        let request = create();
        let lasts = Duration::from_millis(self.mode.pick(200, 100));
        let shares = [("median", 0.5), ("99th percentile", 0.99), ("longest", 1.0)];
        let mut times: [[Rounds; 2]; 3] = Default::default();
        let mut rates: [Rounds; 2] = Default::default();
        let mut cpu: [Rounds; 2] = Default::default();
        for _ in 0..self.mode.pick(41, 5) {
            let servers = [&mut self.million, &mut self.empty];
            for (i, server) in servers.into_iter().enumerate() {
                self.client.reset(&mut server.connection)?;
                let address = server.process.address;
                let before = server.process.cpu()?;
                let mut load = self.client.load(address, &request, 201, 8, lasts)?;
                let requests = load.requests as f64;
                let used = server.process.cpu()?.saturating_sub(before);
                cpu[i].0.push(used.as_secs_f64() * 1e3 / requests);
                rates[i].0.push(requests / load.took.as_secs_f64() / 1e3);
                for (times, (_, share)) in times.iter_mut().zip(shares) {
                    times[i].0.push(percentile(&mut load.latencies, share));
                }
            }
        }
        let mut table = Table::titled("Creating, 8 connections, ms");
        let against = ("", "empty world");
        for ([million, empty], (name, share)) in times.iter().zip(shares) {
            let target = if share < 1.0 {
                NO_SLOWER
            } else {
                Target::Shown
            };
            table.ratio(name, (million, empty), against, target);
        }
        for (what, [million, empty]) in [
            ("the server's processor time a create", &cpu),
            ("thousand creates a second", &rates),
        ] {
            table.ratio(what, (million, empty), against, Target::Shown);
        }
        table.close();
        Ok(())
    }

    /// Upserts 100,000 rows in one request.
    fn upsert(&mut self) -> io::Result<()> {
        let row = |sku: &str, location: &str, provider: &str| {
            format!(
                r#"{{"provider":"{provider}","location":"{location}","stock":7,"sku":"{sku}"}}"#
            )
        };
        let stocks = || self.world.stocks.iter().step_by(STOCKS / 100_000);
        let known = stocks().map(|stock| row(&stock.sku(), &stock.location(), &stock.provider()));
        let known: Vec<String> = known.collect();
        let unknown = stocks().map(|stock| {
            let sku = format!("777{}", &stock.sku()[3..]);
            row(&sku, &stock.location(), &stock.provider())
        });
        let bodies = [known, unknown.collect()].map(|rows| format!("[{}]", rows.join(",")));
        let path = "/api/v1/stocks/insert_or_update_stock/";
        let names = ["updating", "inserting", "updating what was just updated"];
        let mut times: [Rounds; 3] = Default::default();
        let mut parses: [Rounds; 2] = Default::default();
        for _ in 0..self.mode.pick(9, 2) {
            for (i, body) in bodies.iter().enumerate() {
                self.client.reset(&mut self.million.connection)?;
                let mut request = Request::post(path, body);
                times[i]
                    .0
                    .push(self.million.time(&mut self.client, &mut request)?);
                if i == 0 {
                    times[2]
                        .0
                        .push(self.million.time(&mut self.client, &mut request)?);
                }
                let started = Instant::now();
                serde_json::from_str::<Value>(body)?;
                parses[i].0.push(millis(started.elapsed()));
            }
        }
        let mut table = Table::titled("100,000 rows in one upsert, ms");
        for (i, (name, times)) in names.iter().zip(&times).enumerate() {
            let pair = (times, &parses[i % 2]);
            let against = ("", "parsing the same JSON");
            table.absolute(name, pair, against, Target::AtMost(1000.0));
        }
        table.close();
        Ok(())
    }

    /// Returns the median time of each list of requests, round by round.
    fn compare(&mut self, mut lists: [Vec<Request>; 2]) -> io::Result<[Rounds; 2]> {
        let mut times: [Rounds; 2] = Default::default();
        for _ in 0..self.mode.pick(41, 5) {
            for (times, requests) in times.iter_mut().zip(&mut lists) {
                let mut took = ask(&mut self.client, &mut self.million, requests, 200)?;
                times.0.push(percentile(&mut took, 0.5));
            }
        }
        Ok(times)
    }
}

impl Server {
    /// Returns the time to one answer, milliseconds.
    fn time(&mut self, client: &mut Client, request: &mut Request) -> io::Result<f64> {
        let (took, _) = client.ask(&mut self.connection, request, 200)?;
        Ok(millis(took))
    }
}

/// Sends requests one after the other, and returns the time to each answer.
fn ask(
    client: &mut Client,
    server: &mut Server,
    requests: &mut [Request],
    status: u16,
) -> io::Result<Vec<Duration>> {
    let ask = |request| Ok(client.ask(&mut server.connection, request, status)?.0);
    requests.iter_mut().map(ask).collect()
}

/// Returns a create in the form of the page, with a unique SKU.
fn create() -> Request {
    let body = format!(
        r#"{{"period":null,"stock_type":"standard","unit_type":"qty","provider":"provider_0","location":"store-05","stock":5,"is_active":true,"sku":"555AB1{SERIAL}","reserved_stock":0}}"#
    );
    Request::post("/api/v1/stocks/", &body)
}
