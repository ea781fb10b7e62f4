//! `explore` and `calibrate` from outside: their exit codes and files, and the repetition of
//! findings from those files.

use whippy_engine::endpoints::call::Settings;
use whippy_engine::profile::Profile;

use crate::process::{Folder, Mock};

#[test]
fn an_exploration_of_a_sound_mock_is_clean_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let ended = folder.run(&["explore", "--requests", "2000"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(ended.out.contains("create-stock"), "{}", ended.out);
    assert!(ended.out.contains("readings had a say"), "{}", ended.out);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_difference_is_1_and_its_files_repeat_it() {
    const DEFECT: &str = "--defect=upsert-resets-reserved-stock";
    let folder = Folder::new();
    let report = "--report=html=report.html";
    let json = "--report=json=report.json";
    let ended = folder.run(&["explore", DEFECT, "--requests", "5000", report, json]);
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    let causes: serde_json::Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let cause = &causes["causes"][0];
    assert_ne!(cause["operation"], "", "{cause}");
    let id = cause["id"].as_str().unwrap();
    assert!(!id.contains("difference-"), "the id has no number: {id}");
    assert!(folder.read("report.html").contains("explore/difference-1"));

    let curls = folder.read("whippy-explore/difference-1.sh");
    assert!(curls.contains("insert_or_update_stock"), "{curls}");

    let run = ["run", "--cases=whippy-explore", "--only=explored/*"];
    let ended = folder.run(&[&run[..], &[DEFECT]].concat());
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    let ended = folder.run(&run);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);

    let replay = ["explore", "--replay=whippy-explore/difference-1.trace.json"];
    let ended = folder.run(&[&replay[..], &[DEFECT, "--out=again"]].concat());
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    assert_eq!(
        folder.read("again/difference-1.sh").lines().count(),
        curls.lines().count()
    );
    let ended = folder.run(&replay);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}

#[test]
fn many_at_once_find_a_lost_update_and_draw_it() {
    let folder = Folder::new();
    let ended = folder.run(&[
        "explore",
        "--concurrent=4",
        "--requests=4000",
        "--defect=overlapping-increases-count-once",
        "--report=html=report.html",
    ]);
    assert_eq!(ended.code, Some(1), "{}\n{}", ended.out, ended.err);
    let history = folder.read("whippy-explore/history.txt");
    assert!(history.contains("no order of"), "{history}");
    assert!(history.contains("client"), "{history}");
    assert!(folder.read("report.html").contains("├─"));

    let ended = folder.run(&["explore", "--concurrent=4", "--requests=3000", "--quiet"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}

#[test]
fn a_trace_that_is_none_is_2() {
    let folder = Folder::new();
    folder.file("trace.json", r#"{"trace": 2}"#);
    let said = folder.run(&["explore", "--replay=trace.json"]).expect(2);
    assert!(said.contains("--replay trace.json"), "{said}");
    let said = folder
        .run(&["explore", "--concurrent=2", "--read-only"])
        .expect(2);
    assert!(said.contains("--write"), "{said}");
}

#[test]
fn a_live_target_is_explored_and_cleaned_up_after() {
    let mut profile = Profile::default();
    profile.set("decrease-at-zero", "floor").unwrap();
    let settings = Settings {
        profile,
        ..Settings::default()
    };
    let mock = Mock::start("demo", settings, None);
    let folder = Folder::new();
    let target = format!("--target={}", mock.url);
    let ended = folder.run(&["explore", &target, "--requests=600"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    assert!(
        ended.out.contains("decrease-at-zero=floor"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("neutralised"), "{}", ended.out);
    assert_eq!(folder.names(), [""; 0], "the ledger is cleaned up");

    let ended = folder.run(&["explore", &target, "--requests=300", "--read-only"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}

#[test]
fn a_calibration_writes_a_profile_that_the_target_is_held_to() {
    let mut profile = Profile::default();
    profile.set("salable", "unreserved").unwrap();
    profile.set("unknown-sku", "omitted").unwrap();
    let settings = Settings {
        profile,
        ..Settings::default()
    };
    let mock = Mock::start("demo", settings, None);
    let folder = Folder::new();
    let target = format!("--target={}", mock.url);
    let ended = folder.run(&["calibrate", &target]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
    let toml = folder.read("whippy-profile.toml");
    assert!(toml.contains("\nsalable = \"unreserved\"\n"), "{toml}");
    assert!(toml.contains("\nunknown-sku = \"omitted\"\n"), "{toml}");
    assert!(toml.contains("# GET /api/v1/stocks/stock_query/"), "{toml}");
    let err = folder.run(&["calibrate", &target]).expect(2);
    let said = "--write-profile whippy-profile.toml: the file is there already; --force";
    assert!(err.contains(said), "{err}");
    assert_eq!(folder.read("whippy-profile.toml"), toml);
    let ended = folder.run(&["calibrate", &target, "--out=other.toml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    folder.file("whippy-profile.toml", "");
    let ended = folder.run(&["calibrate", &target, "--force"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let held = [
        "explore",
        &target,
        "--requests=500",
        "--profile=whippy-profile.toml",
    ];
    let ended = folder.run(&held);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}
