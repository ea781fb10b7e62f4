//! Campaigns: the same attack many times. Each is short here; `tests/campaigns/run` makes it
//! longer.

use std::sync::mpsc::channel;

use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use whippy_mock::admin::ROUTES;

use crate::requests::{INCREASE, SKU, STOCKS};
use crate::support::{Client, HEALTH, Mock, get, message, no_file, post, stock};

/// Returns the number of rounds in a variable, or else `short`.
fn rounds(variable: &str, short: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => short,
    }
}

/// Pseudorandom numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Returns the flag for a file that does not exist yet.
fn fresh_data() -> String {
    format!("--data={}", no_file(".db"))
}

/// Returns the number of stocks of a SKU in a world.
#[track_caller]
fn count(client: &mut Client, world: &str, sku: &str) -> Value {
    let path = format!("/worlds/{world}{STOCKS}?sku={sku}");
    client.ask(get(&path)).expect(200).json()["count"].clone()
}

#[test]
fn what_was_answered_survives_every_kill() {
    const CLIENTS: usize = 4;
    let data = fresh_data();
    let rounds = rounds("WHIPPY_CAMPAIGN_KILLS", 3);
    let mut dice = Dice(0x5eed);
    let mut all = Vec::new();
    for round in 0..rounds {
        let mock = Mock::start(&[&data]);
        let (tell, told) = channel();
        let least = 1 + dice.below(200);
        std::thread::scope(|scope| {
            for thread in 0..CLIENTS {
                let (mut client, tell) = (mock.connect(), tell.clone());
                scope.spawn(move || {
                    for n in 0.. {
                        let sku = format!("{round}/{thread}/{n}");
                        match client.try_ask(post(STOCKS, &stock(&sku))) {
                            Some(answer) => assert_eq!(answer.status, 201),
                            None => break,
                        }
                        tell.send(sku).unwrap();
                    }
                });
            }
            drop(tell);
            all.extend(told.iter().take(least));
            mock.signal(Signal::KILL);
            all.extend(told);
        });
        assert_eq!(mock.ended().code, None);
    }
    let mock = Mock::start(&[&data]);
    let mut client = mock.connect();
    for sku in &all {
        assert_eq!(
            count(&mut client, "default", sku),
            1,
            "{sku} was answered and is gone"
        );
    }
    println!("kills: {rounds}, answered writes: {}, lost: 0", all.len());
}

#[test]
fn a_full_file_loses_nothing_that_was_answered() {
    let rounds = rounds("WHIPPY_CAMPAIGN_FULL", 1);
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..rounds {
        let data = fresh_data();
        let flags = [&*data, "--data-limit=262144"];
        let mock = Mock::start(&flags);
        let mut client = mock.connect();
        let mut forks = Vec::new();
        for n in 0..200 {
            let name = format!("fork-{n}");
            let sku = format!("S{n}-{}", "x".repeat(50));
            let created = client.ask(post(&format!("/worlds/base{STOCKS}"), &stock(&sku)));
            assert!([201, 507].contains(&created.status), "{created:?}");
            let fork = client.ask(post("/__admin/worlds/base/fork", &json!({"as": name})));
            assert!([201, 507, 404].contains(&fork.status), "{fork:?}");
            if fork.status == 201 {
                forks.push((name, sku, u32::from(created.status == 201)));
            } else {
                refused += 1;
            }
        }
        mock.signal(Signal::KILL);
        mock.ended();
        let mock = Mock::start(&flags);
        let mut client = mock.connect();
        for (name, sku, stocks) in &forks {
            assert_eq!(count(&mut client, name, sku), *stocks, "{name}");
        }
        // Deleting makes room.
        let dropped = message("DELETE /__admin/worlds/base", &[], "");
        client.ask(dropped).expect(204);
        kept += forks.len();
    }
    assert!(refused > 0, "the file was never full");
    println!("full files: {rounds}, forks kept: {kept}, refused: {refused}, lost: 0");
}

#[test]
fn worlds_that_are_used_at_once_know_nothing_of_each_other() {
    const WORLDS: usize = 8;
    let calls = rounds("WHIPPY_CAMPAIGN_ISOLATION", 160) / WORLDS;
    let mock = Mock::start(&[]);
    std::thread::scope(|scope| {
        for number in 0..WORLDS {
            let mut client = mock.connect();
            scope.spawn(move || {
                let world = format!("w{number}");
                let path = format!("/worlds/{world}{INCREASE}");
                let body = json!({"sku": SKU, "location": "110"});
                for n in 1..=calls {
                    let increased = client.ask(post(&path, &body)).expect(201).json();
                    assert_eq!(increased["reserved_stock"], n);
                    if n % 10 == 0 {
                        let sku = format!("{world}-{n}");
                        let path = format!("/worlds/{world}{STOCKS}");
                        client.ask(post(&path, &stock(&sku))).expect(201);
                        assert_eq!(count(&mut client, &world, &sku), 1);
                        let other = format!("w{}-{n}", (number + 1) % WORLDS);
                        assert_eq!(count(&mut client, &world, &other), 0);
                    }
                }
            });
        }
    });
    println!(
        "isolation: {} calls in {WORLDS} worlds at once",
        calls * WORLDS
    );
}

/// Texts to put where an admin path takes one.
const TEXTS: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "1.5",
    "1e400",
    "18446744073709551616",
    "default",
    "one",
    "two",
    "nowhere",
    ".",
    "..",
    "%00",
    "%ff",
    "%C3%A7",
    "a%2Fb",
    "true",
    "json",
    "4xx",
    "null",
    "x",
    "2023-05-10T13:37:18Z",
];

/// Bodies to send to admin paths.
const BODIES: &[&str] = &[
    "",
    "{}",
    "[]",
    "null",
    "1",
    "\"demo\"",
    "{",
    "[[[[",
    "{\"as\":\"one\"}",
    "{\"as\":\"..\"}",
    "{\"world\":\"demo\"}",
    "{\"world\":{}}",
    "{\"world\":[]}",
    "{\"clock\":\"real\"}",
    "{\"mode\":\"fixed\"}",
    "{\"mode\":\"running\",\"speed\":1e308}",
    "{\"seconds\":-1}",
    "{\"seconds\":1e9}",
    "{\"rules\":[]}",
    "{\"preset\":\"rate-limited\"}",
    "{\"rules\":[{\"name\":\"a\",\"fault\":{\"kind\":\"reset\"},\"times\":0}]}",
    "{\"salable\":\"stock\"}",
    "{\"page-size\":0}",
    "{\"operation\":\"x\"}",
    "{\"method\":\"GET\",\"target\":\"/api/v1/stocks/\"}",
    "{\"method\":\"POST\",\"target\":\"/api/v1/stocks/\",\"body\":{},\"at\":9}",
    "{\"stocks\":[{\"sku\":\"A\",\"provider\":\"p\",\"location\":\"l\",\"stock\":1}]}",
    "{\"providers\":[{\"name\":\"p\"}]}",
];

/// Returns an admin request that may make sense.
fn any_admin_request(dice: &mut Dice) -> String {
    let route = &ROUTES[dice.below(ROUTES.len())];
    let any = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
    ];
    let method = match dice.below(4) {
        0 => any[dice.below(any.len())].clone(),
        _ => route.method.clone(),
    };
    let path = match route.path.split_once('{') {
        None => route.path.to_owned(),
        Some((before, rest)) => {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            format!("{before}{}{after}", dice.one_of(TEXTS))
        }
    };
    let known = [route.query, &["world", "unknown"]].concat();
    let query: Vec<_> = (0..dice.below(3))
        .map(|_| format!("{}={}", dice.one_of(&known), dice.one_of(TEXTS)))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    let start = format!("{method} {path}{mark}{}", query.join("&"));
    message(&start, &["Connection: close"], dice.one_of(BODIES))
}

#[test]
fn no_admin_request_brings_the_mock_down() {
    let rounds = rounds("WHIPPY_CAMPAIGN_ADMIN", 600);
    let mock = Mock::start(&[]);
    let mut dice = Dice(0xad);
    for _ in 0..rounds {
        let asked = any_admin_request(&mut dice);
        let ends = ["shutdown", "stream"];
        if ends
            .iter()
            .any(|path| asked.contains(&format!("/__admin/{path}")))
            || asked.contains("/requests/stream")
        {
            continue;
        }
        let answer = String::from_utf8_lossy(&said(&mock, &asked)).into_owned();
        let status = answer
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let status: u16 = status.and_then(|text| text.parse().ok()).unwrap();
        assert!(status < 500 || status == 503, "{asked}\n{answer}");
    }
    mock.get(HEALTH).expect(200);
    println!("admin requests: {rounds}, none of them answered 500");
}

fn said(mock: &Mock, asked: &str) -> Vec<u8> {
    let mut client = mock.connect();
    client.send(asked);
    client.rest()
}
