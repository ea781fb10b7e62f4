//! Who may import whom: the order of the modules, and who may touch the world
//! outside. Both crates are held to it.

use std::path::{Path, PathBuf};

/// The modules in their order; each may import those before it.
const MOCK: &[&str] = &[
    "assets",
    "wire",
    "profile",
    "problem",
    "model",
    "store",
    "query",
    "endpoints",
    "engine",
    "clock",
    "history",
    "log",
    "service",
    "defects",
    "findings",
    "faults",
    "journal",
    "worlds",
    "metrics",
    "bundle",
    "docs",
    "control",
    "request_log",
    "server",
    "embed",
    "child",
    "sources",
    "reload",
    "mock",
    "exec",
    "args",
    "listing",
    "replay",
    "main",
];
const CONFORMANCE: &[&str] = &[
    "json",
    "finding",
    "outcome",
    "report",
    "compare",
    "target",
    "workers",
    "remote",
    "patient",
    "ledger",
    "guard",
    "clean_up",
    "contract",
    "documented",
    "scope",
    "pattern",
    "probe",
    "case",
    "checks",
    "catalogue",
    "run",
    "discovery",
    "assembly",
    "baseline",
    "verdict",
    "selection",
    "explain",
    "steps",
    "oracle",
    "explore",
    "linear",
    "calibrate",
    "traffic",
    "har",
    "recording",
    "proxy",
    "command",
    "main",
];

/// Who may name connections, the runtime, files, threads, processes or the time.
const OUTSIDE: &[&str] = &[
    "log",
    "control",
    "request_log",
    "server",
    "embed",
    "child",
    "sources",
    "reload",
    "mock",
    "exec",
    "replay",
    "args",
    "listing",
    "main",
    "target",
    "remote",
    "ledger",
    "workers",
    "recording",
    "proxy",
    "command",
];

const OUTSIDE_NAMES: &[&str] = &[
    "tokio::",
    "hyper::",
    "hyper_util::",
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let mut found = Vec::new();
    collect(&root, &mut found);
    found
        .into_iter()
        .map(|(path, text)| (path.strip_prefix(&root).unwrap().to_owned(), text))
        .collect()
}

fn module(path: &Path) -> String {
    let first = path
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code without its tests and comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn modules_import_only_from_those_before_them() {
    let mut seen = 0;
    for (folder, order, crate_name) in [
        ("mock-server/src", MOCK, "whippy_mock"),
        ("conformance/src", CONFORMANCE, "whippy_conformance"),
    ] {
        for (path, text) in sources(folder) {
            let own = module(&path);
            if own == "lib" {
                continue;
            }
            let rank = order.iter().position(|name| *name == own);
            let rank = rank
                .unwrap_or_else(|| panic!("{folder}/{} has no place in the order", path.display()));
            for prefix in ["crate::", &format!("{crate_name}::")] {
                for (at, _) in text.match_indices(prefix) {
                    let name: String = text[at + prefix.len()..]
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    let Some(imported) = order.iter().position(|known| *known == name) else {
                        continue;
                    };
                    seen += 1;
                    assert!(
                        imported <= rank,
                        "{folder}/{} imports {name}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn only_the_shells_touch_the_world_outside() {
    for folder in ["mock-server/src", "conformance/src"] {
        for (path, text) in sources(folder) {
            if OUTSIDE.contains(&module(&path).as_str()) {
                continue;
            }
            for name in OUTSIDE_NAMES {
                assert!(
                    !code(&text).contains(name),
                    "{folder}/{} names {name}",
                    path.display()
                );
            }
        }
    }
}
