//! `check-har`: reads archives, judges their exchanges and reports.

use std::fmt::Display;
use std::io::{self, Read};
use std::path::Path;

use whippy_conformance::model::finding::Secrets;
use whippy_conformance::traffic::har::{self, Archive};
use whippy_conformance::traffic::{Circumstances, Watcher};
use whippy_conformance::workers::Stopwatch;
use whippy_conformance::workers::system_time;

use super::args::CheckHarArgs;
use super::files;
use super::plan;
use super::refusal::Refusal;
use super::watch::{in_utc, tell, terms};

/// The largest archive that is read, bytes.
const MAX_ARCHIVE: u64 = 1024 * 1024 * 1024;

/// Runs the command and returns its exit code.
pub(crate) fn check_har(args: &CheckHarArgs) -> Result<u8, Refusal> {
    let wanted = plan::reports(&args.judging.report)?;
    let (now, watch) = (system_time(), Stopwatch::start());
    let mut archives = Vec::new();
    for path in &args.files {
        let named = |why: &dyn Display| Refusal::usage(format!("{}: {why}", path.display()));
        let bytes = read(path).map_err(|why| named(&why))?;
        let archive = har::read(&bytes, args.upstream.as_deref()).map_err(|why| named(&why))?;
        archives.push(archive);
    }
    let archive = joined(archives)?;
    let target = if archive.base.contains("://") && archive.base.len() > "://".len() {
        archive.base.clone()
    } else {
        "no service".to_owned()
    };
    let base = archive.base.clone();
    let mut watcher = Watcher::new(terms(&args.judging, base, Secrets::default(), None)?);
    let ended = archive.observed.last().map(|last| last.at);
    for mut observed in archive.observed {
        // The notices are left out: the report follows at once and has them all.
        watcher.see(&mut observed);
    }
    let about = Circumstances {
        target: format!("{target}, recorded"),
        started: in_utc(now),
        micros: watch.micros(),
        ended,
        skipped: vec![("of other hosts or paths".to_owned(), archive.skipped)],
    };
    tell(watcher, about, &args.judging, &wanted)
}

/// Reads a file, or standard input.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MAX_ARCHIVE + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_ARCHIVE + 1).read_to_end(&mut bytes))
    };
    read?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_ARCHIVE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {MAX_ARCHIVE} bytes"),
        ));
    }
    files::without_mark(bytes)
}

/// Joins several archives of one service.
fn joined(archives: Vec<Archive>) -> Result<Archive, Refusal> {
    let mut all = Archive::default();
    for archive in archives {
        all.skipped += archive.skipped;
        if archive.observed.is_empty() {
            continue;
        }
        if !all.observed.is_empty() && all.base != archive.base {
            return Err(Refusal::usage(format!(
                "the archives are of {} and of {}: choose with --upstream",
                all.base, archive.base
            )));
        }
        all.base = archive.base;
        all.observed.extend(archive.observed);
    }
    all.observed.sort_by_key(|observed| observed.at);
    for (id, observed) in (1..).zip(&mut all.observed) {
        observed.id = id;
    }
    Ok(all)
}
