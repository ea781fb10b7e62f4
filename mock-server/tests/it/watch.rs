//! `--watch`: changes to a file take effect soon, and a mistake in it changes nothing.

use rstest::rstest;
use serde_json::{Value, json};

use crate::requests::STOCKS;
use crate::support::{Mock, file, get, post, run, stock};

fn world(stocks: usize) -> String {
    let rows = (0..stocks).map(
        |n| json!({"sku": format!("SKU{n}"), "provider": "shop", "location": "main", "stock": 5}),
    );
    json!({
        "providers": [{"name": "shop"}],
        "stock_locations": [{"code": "main", "provider": "shop"}],
        "stocks": rows.collect::<Vec<_>>(),
    })
    .to_string()
}

/// Writes a new file and renames it over the old one, as editors do.
fn replace(path: &str, content: &str) {
    let beside = format!("{path}~");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(beside, path).unwrap();
}

/// Overwrites the content of the file.
fn overwrite(path: &str, content: &str) {
    std::fs::write(path, content).unwrap();
}

fn count(mock: &Mock, world: &str) -> Value {
    let page = mock.ask(get(&format!("{world}{STOCKS}"))).expect(200);
    page.json()["count"].clone()
}

fn rows(mock: &Mock) -> usize {
    let page = mock.get(STOCKS).expect(200).json();
    page["results"].as_array().unwrap().len()
}

#[rstest]
#[case::by_rename(replace)]
#[case::in_place(overwrite)]
fn a_world_file_that_changes_seeds_every_world_anew(#[case] write: fn(&str, &str)) {
    let path = file(".json", world(2));
    let mock = Mock::start(&["--watch", "--world", &path]);
    assert_eq!(
        mock.ask(get(&format!("/worlds/one{STOCKS}"))).json()["count"],
        2
    );
    for stocks in [1, 7] {
        write(&path, &world(stocks));
        let s = if stocks == 1 { "" } else { "s" };
        assert_eq!(
            mock.logged(),
            format!(
                "whippy-mock: --world {path}: loaded, {stocks} stock{s}; every world begins anew \
                 with it\n"
            )
        );
        for name in ["", "/worlds/one", "/worlds/two"] {
            assert_eq!(count(&mock, name), stocks, "{name}");
        }
    }
    mock.post("/__admin/reset", &json!({})).expect(200);
    assert_eq!(count(&mock, ""), 7);
}

#[rstest]
#[case::by_rename(replace)]
#[case::in_place(overwrite)]
fn a_mistake_in_a_file_is_told_as_at_the_start_and_changes_nothing(#[case] write: fn(&str, &str)) {
    let path = file(".json", world(2));
    let mock = Mock::start(&["--watch", "--world", &path]);
    mock.get(&format!("/worlds/one{STOCKS}")).expect(200);
    write(&path, "{\"stoks\": []}");
    let said = mock.logged();
    let at_the_start = run(&["--world", &path], &[]).err;
    let stays = "; what was there before stays in force\n";
    assert_eq!(said.strip_suffix(stays), at_the_start.strip_suffix('\n'));
    assert_eq!(count(&mock, ""), 2);
    assert_eq!(count(&mock, "/worlds/one"), 2);
    write(&path, &world(3));
    assert!(mock.logged().contains("loaded, 3 stocks"));
    assert_eq!(count(&mock, ""), 3);
}

#[test]
fn a_file_that_is_gone_changes_nothing_until_it_is_back() {
    let path = file(".json", world(2));
    let mock = Mock::start(&["--watch", "--world", &path]);
    std::fs::remove_file(&path).unwrap();
    assert!(mock.logged().contains("No such file"));
    assert_eq!(count(&mock, ""), 2);
    overwrite(&path, &world(3));
    assert!(mock.logged().contains("loaded, 3 stocks"));
}

#[test]
fn a_link_that_leads_elsewhere_is_a_change() {
    let (one, other) = (file(".one.json", world(1)), file(".other.json", world(2)));
    let link = format!("{one}.link");
    let lead_to = |target: &str| {
        let beside = format!("{link}~");
        let _ = std::fs::remove_file(&beside);
        std::os::unix::fs::symlink(target, &beside).unwrap();
        std::fs::rename(&beside, &link).unwrap();
    };
    lead_to(&one);
    let mock = Mock::start(&["--watch", "--world", &link]);
    assert_eq!(count(&mock, ""), 1);
    lead_to(&other);
    assert!(mock.logged().contains("loaded, 2 stocks"));
    assert_eq!(count(&mock, ""), 2);
    // The target of the link changes, and the link itself does not.
    overwrite(&other, &world(3));
    assert!(mock.logged().contains("loaded, 3 stocks"));
}

#[test]
fn readings_change_and_what_was_written_stays() {
    let path = file(".toml", "page-size = 1\nunknown-sku = \"empty\"\n");
    let mock = Mock::start(&["--watch", "--profile", &path, "--reading=page-limit=3"]);
    mock.post(STOCKS, &stock("NEW")).expect(201);
    mock.ask(post(&format!("/worlds/one{STOCKS}"), &stock("NEW")))
        .expect(201);
    assert_eq!(rows(&mock), 1);
    replace(&path, "page-size = 2\npage-limit = 1000\n");
    assert_eq!(
        mock.logged(),
        format!("whippy-mock: --profile {path}: loaded, in force in every world\n")
    );
    assert_eq!(rows(&mock), 2);
    assert_eq!(
        (count(&mock, ""), count(&mock, "/worlds/one")),
        (4.into(), 4.into())
    );
    // The single reading still overrides the file.
    let page = mock.get(&format!("{STOCKS}?limit=1000")).json();
    assert_eq!(page["results"].as_array().unwrap().len(), 3);
    replace(&path, "page-size = none\n");
    assert!(mock.logged().contains(&format!("--profile {path}: ")));
    assert_eq!(rows(&mock), 2);
    // Resets return to it, and new worlds begin with it.
    mock.post("/__admin/reset", &json!({})).expect(200);
    assert_eq!(rows(&mock), 2);
    let page = mock.ask(get(&format!("/worlds/two{STOCKS}"))).json();
    assert_eq!(page["results"].as_array().unwrap().len(), 2);
}

#[test]
fn what_was_answered_before_readings_changed_can_be_played_again() {
    let path = file(".toml", "page-size = 1\n");
    let mock = Mock::start(&["--watch", "--profile", &path]);
    mock.post(STOCKS, &stock("ONE")).expect(201);
    replace(&path, "page-size = 2\n");
    mock.logged();
    mock.post(STOCKS, &stock("TWO")).expect(201);
    mock.get(STOCKS).expect(200);
    let bundle = mock.get("/__admin/bundle").expect(200);
    let bundle = file(".bundle.json", &bundle.body);
    let ended = run(&["replay", "--check", &bundle], &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
}

#[test]
fn faults_change_with_their_file() {
    let rules = |status: u16| {
        json!({"rules": [{"name": "down", "match": {"operation": "list-stocks"},
            "fault": {"kind": "status", "status": status}}]})
        .to_string()
    };
    let path = file(".json", rules(503));
    let mock = Mock::start(&["--watch", "--faults", &path]);
    mock.get(STOCKS).expect(503);
    replace(&path, &rules(500));
    assert_eq!(
        mock.logged(),
        format!("whippy-mock: --faults {path}: loaded, in force in every world\n")
    );
    mock.get(STOCKS).expect(500);
    replace(&path, "{\"rules\": 1}");
    assert!(mock.logged().contains(&format!("--faults {path}: ")));
    mock.get(STOCKS).expect(500);
    replace(&path, "{\"rules\": []}");
    mock.logged();
    mock.get(STOCKS).expect(200);
}

#[test]
fn readings_of_a_durable_world_change_and_are_kept() {
    let data = file(".db", "");
    std::fs::remove_file(&data).unwrap();
    let path = file(".toml", "page-size = 1\n");
    let args = ["--watch", "--profile", &path, "--data", &data];
    let mock = Mock::start(&args);
    mock.post(STOCKS, &stock("ONE")).expect(201);
    replace(&path, "page-size = 2\n");
    mock.logged();
    mock.post(STOCKS, &stock("TWO")).expect(201);
    let before = mock.state();
    assert_eq!(mock.stop().code, Some(0));
    let mock = Mock::start(&args);
    assert_eq!(mock.state(), before);
    assert_eq!(count(&mock, ""), 5);
}

#[test]
fn in_a_json_log_the_note_is_an_object() {
    let path = file(".toml", "page-size = 1\n");
    let mock = Mock::start(&["--watch", "--profile", &path, "--log=json"]);
    replace(&path, "page-size = 2\n");
    let line: Value = serde_json::from_str(&mock.logged()).unwrap();
    let note = format!("--profile {path}: loaded, in force in every world");
    assert_eq!(line["note"], note);
    assert!(line["at"].is_string());
}

#[test]
fn what_is_built_in_is_no_file_to_watch() {
    let ended = run(&["--watch", "--world=demo", "--faults=maintenance"], &[]);
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!(ended.err, @"whippy-mock: --watch needs a file to watch: one of --world, --profile or --faults");
}

#[test]
fn a_world_file_is_not_watched_over_a_data_file() {
    let path = file(".json", world(1));
    let ended = run(&["--watch", "--world", &path, "--data=/nowhere.db"], &[]);
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!(ended.err.replace(&path, "FILE"), @"whippy-mock: --watch would put what --world FILE says in place of what --data keeps: leave out one of the three");
}
