//! The documents: every link in them has a target, and so does every source cited in a check, a
//! finding or a comment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use whippy_conformance::contract::Contract;
use whippy_conformance::run::catalogue;
use whippy_engine::assets;
use whippy_engine::findings::MISTAKES;
use whippy_engine::problem::Grade;

/// Folders without our own documents or sources.
const FOREIGN: [&str; 4] = [".git", ".venv", "node_modules", "target"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Adds every file in a folder and below, as paths from the root.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if !FOREIGN.iter().any(|name| path.ends_with(name)) {
                collect(&path, files);
            }
        } else {
            files.push(path);
        }
    }
}

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(Path::new(""), &mut files);
    files
}

/// Returns the documents of the repository.
fn documents() -> Vec<PathBuf> {
    let mut files = files();
    files.retain(|path| path.extension().is_some_and(|end| end == "md"));
    assert!(files.len() > 20, "{files:?}");
    files
}

/// Returns the lines of a document outside blocks of code.
fn prose(document: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    document.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// Returns the name of a heading in links, as GitHub forms it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let words: String = heading.to_lowercase().chars().filter(kept).collect();
    words.replace(' ', "-")
}

/// Returns text in the form in which quotations are compared: without marks of code and tables, and
/// with single spaces.
fn folded(text: &str) -> String {
    let bare = text.replace('`', "").replace("\\|", "|").replace('|', " ");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a document by its anchors: the text below each heading up to the next one.
fn sections(path: &Path) -> BTreeMap<String, String> {
    let document = text(path);
    let headings: BTreeSet<&str> = prose(&document)
        .filter(|line| line.starts_with('#'))
        .collect();
    let mut sections = BTreeMap::new();
    let mut below = String::new();
    for line in document.lines() {
        if headings.contains(line) {
            below = anchor(line.trim_start_matches('#').trim());
            sections.insert(below.clone(), String::new());
        } else if let Some(section) = sections.get_mut(&below) {
            section.push_str(line);
            section.push('\n');
        }
    }
    sections
}

/// Returns the text that a citation such as `docs/stack.md#filters` refers to, or an error.
fn cited(citation: &str) -> Result<String, String> {
    let (file, anchor) = citation.split_once('#').unwrap_or((citation, ""));
    let path = root().join(file);
    if !path.is_file() {
        return Err(format!("there is no file {file}"));
    }
    if anchor.is_empty() {
        return Ok(folded(&text(&path)));
    }
    let section = sections(&path).remove(anchor);
    section
        .map(|section| folded(&section))
        .ok_or_else(|| format!("{file} has no section {anchor}"))
}

/// Returns `true` for a heading of the vendor's page, as listed in the document of the contract.
fn is_heading_of_the_page(section: &str) -> bool {
    sections(&root().join("docs/contract.md")).contains_key(&anchor(section))
}

#[track_caller]
fn assert_cited(whose: &str, section: &str, quote: &str) {
    if section.starts_with("docs/") {
        let place = cited(section).unwrap_or_else(|why| panic!("{whose}: {why}"));
        assert!(
            place.contains(&folded(quote)),
            "{whose}: {section} does not say: {quote}"
        );
    } else {
        assert!(is_heading_of_the_page(section), "{whose}: {section}");
    }
}

#[test]
fn every_check_cites_a_heading_of_the_page_or_words_of_a_document() {
    let contract = Contract::embedded().unwrap();
    for check in catalogue::built_in(&contract).unwrap() {
        assert_cited(&check.id, &check.source.section, &check.source.quote);
    }
}

#[test]
fn every_finding_cites_a_heading_of_the_page_words_of_a_document_or_a_reading() {
    let readings = text(&root().join("docs/readings.md"));
    for mistake in MISTAKES {
        let source = &mistake.source;
        if source.grade == Grade::Reading {
            let row = format!("\n| `{}` |", source.section);
            assert!(readings.contains(&row), "{}: {row}", mistake.id);
        } else {
            assert_cited(mistake.id, source.section, source.says);
        }
    }
}

#[test]
fn every_documented_response_and_every_evidence_cites_a_heading_of_the_page() {
    let documented = assets::DOCUMENTED.iter().map(|(file, json)| {
        let fixture: Value = serde_json::from_str(json).unwrap();
        ((*file).to_owned(), fixture["source"]["section"].clone())
    });
    let register: Value = serde_saphyr::from_str(assets::READINGS).unwrap();
    let evidence = register["readings"].as_array().unwrap().iter();
    let evidence = evidence.flat_map(|reading| {
        let all = reading["evidence"].as_array().unwrap().iter();
        let quoted = all.filter_map(|one| one.get("section"));
        quoted.map(|section| (reading["id"].to_string(), section.clone()))
    });
    for (whose, section) in documented.chain(evidence) {
        let section = section.as_str().unwrap();
        assert!(is_heading_of_the_page(section), "{whose}: {section}");
    }
}

/// Returns citations such as `docs/stack.md#filters` in a text.
fn citations(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("docs/").filter_map(|(at, _)| {
        let rest = &text[at..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
        let file = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let file = rest[..file].trim_end_matches('.');
        let is_anchor = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let anchor = rest[file.len()..].strip_prefix('#').map_or(0, |anchor| {
            1 + anchor.find(|c| !is_anchor(c)).unwrap_or(anchor.len())
        });
        is_document(file).then(|| &rest[..file.len() + anchor])
    })
}

fn is_document(file: &str) -> bool {
    let ending = std::path::Path::new(file).extension();
    ending.is_some_and(|ending| ending == "md")
}

#[test]
fn every_document_that_a_source_or_a_data_file_names_is_there() {
    let mut followed = 0;
    for path in files() {
        let end = path.extension().and_then(|end| end.to_str());
        let is_source = matches!(end, Some("rs" | "py" | "yaml" | "yml" | "json" | "snap"));
        // Names in this file need not exist.
        if !is_source || path.ends_with("documents.rs") {
            continue;
        }
        for citation in citations(&text(&root().join(&path))) {
            cited(citation).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            followed += 1;
        }
    }
    assert!(followed > 100, "{followed}");
}

/// Returns the targets of links and pictures in a document, outside code.
fn links(document: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(document) {
        // Every second part is code.
        let spoken: String = line.split('`').step_by(2).collect();
        for part in spoken.split("](").skip(1) {
            links.extend(part.split_once(')').map(|(link, _)| link.to_owned()));
        }
    }
    links
}

#[test]
fn every_link_of_a_document_leads_to_a_file_and_its_heading() {
    let mut followed = 0;
    for document in documents() {
        let folder = root().join(&document);
        let folder = folder.parent().unwrap();
        for link in links(&text(&root().join(&document))) {
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => root().join(&document),
                file => folder.join(file),
            };
            let shown = document.display();
            assert!(target.exists(), "{shown}: {link} leads nowhere");
            if !heading.is_empty() {
                let headings = sections(&target);
                assert!(headings.contains_key(heading), "{shown}: {link}");
            }
            followed += 1;
        }
    }
    assert!(followed > 100, "{followed}");
}

#[test]
fn a_link_to_nothing_would_be_noticed() {
    assert_eq!(links("see [a](b.md#c) and `[d](e)`"), ["b.md#c"]);
    assert!(cited("docs/stack.md#pagination").is_ok());
    assert!(cited("docs/stack.md#no-such-section").is_err());
    assert!(cited("docs/no-such-file.md").is_err());
    assert_eq!(
        citations("see docs/stack.md#bodies. And docs/stack.md.").collect::<Vec<_>>(),
        ["docs/stack.md#bodies", "docs/stack.md"]
    );
    assert_eq!(anchor("The page's snippets"), "the-pages-snippets");
}

/// Returns the documents in a list of links, in its order.
fn listed(list: &str) -> Vec<String> {
    let list = text(&root().join("docs").join(list));
    let mut listed = links(&list);
    listed.retain(|link| is_document(link) && !link.contains('/') && link != "README.md");
    listed
}

#[test]
fn the_index_and_the_summary_list_every_document_in_one_order() {
    let summary = listed("SUMMARY.md");
    assert_eq!(summary, listed("README.md"));
    let mut there: BTreeSet<_> = documents()
        .iter()
        .filter_map(|path| path.strip_prefix("docs").ok()?.to_str().map(str::to_owned))
        .collect();
    for list in ["README.md", "SUMMARY.md"] {
        assert!(there.remove(list), "{list}");
    }
    assert_eq!(there, summary.into_iter().collect());
}
