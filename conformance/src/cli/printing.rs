//! Printed and written output, and its colours.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::path::Path;

use whippy_conformance::model::outcome::{ReadingSeen, Report};
use whippy_conformance::report::text::{self, Look};
use whippy_conformance::report::{Format, one_line, render};
use whippy_engine::findings;

use super::args::Color;
use super::plan::Wanted;
use super::refusal::Refusal;

/// Returns the style of the summary. `auto` follows the terminal, <https://no-color.org> and
/// `TERM`.
pub(crate) fn look(color: Color, is_terminal: bool) -> Look {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    Look {
        colour: match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !is_set("NO_COLOR") && !is_dumb,
        },
        whole: false,
    }
}

/// Prints a text. A reader that has gone, as `head` does, is not an error.
pub(crate) fn print(text: &str) -> Result<u8, Refusal> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Refusal::no_verdict(format!(
            "nothing can be printed: {error}"
        ))),
    }
}

/// Writes the requested reports.
pub(crate) fn write_reports(report: &Report, wanted: &[Wanted]) -> Result<(), Refusal> {
    for Wanted { format, path } in wanted {
        let text = render(*format, report);
        match path {
            None => {
                print(&text)?;
            }
            Some(path) => write_report(*format, path, &text).map_err(|error| {
                let path = path.display();
                Refusal::no_verdict(format!("--report {}={path}: {error}", format.name()))
            })?,
        }
    }
    Ok(())
}

/// Writes a profile of the readings for which exactly one choice fits.
pub(crate) fn write_profile(report: &Report, path: &Path) -> Result<(), Refusal> {
    let mut text = format!(
        "# The readings of {}\n",
        report.target.replace(char::is_control, " ")
    );
    for ReadingSeen { id, choices } in &report.readings {
        if let [choice] = choices.as_slice() {
            let is_number = choice.parse::<u32>().is_ok();
            let quote = if is_number { "" } else { "\"" };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{id} = {quote}{choice}{quote}");
        }
    }
    let written = std::fs::write(path, text);
    written.map_err(|error| {
        Refusal::no_verdict(format!("--write-profile {}: {error}", path.display()))
    })
}

/// Prints the summary. Where a report is printed in its place, or nothing is to be printed, only a
/// bad verdict goes to standard error.
pub(crate) fn summarise(
    report: &Report,
    wanted: &[Wanted],
    is_quiet: bool,
    look: Look,
    were_sections_shown: bool,
) -> Result<(), Refusal> {
    if is_quiet || wanted.iter().any(|wanted| wanted.path.is_none()) {
        if report.exit_code != 0 {
            eprintln!("whippy-conformance: {}", one_line(&report.verdict));
        }
        return Ok(());
    }
    let text = if were_sections_shown {
        text::below_sections(report, look)
    } else {
        text::render(report, look)
    };
    // Details left out here are in the file of a report, if there is one.
    let text = match wanted.iter().find_map(|wanted| wanted.path.as_ref()) {
        Some(path) => text.replace(text::HINT, &path.display().to_string()),
        None => text,
    };
    print(&text).map(|_| ())
}

/// Writes a report. Markdown is appended, since a summary of a workflow is one file for all
/// commands of a step.
fn write_report(format: Format, path: &Path, text: &str) -> std::io::Result<()> {
    if format != Format::Markdown {
        return std::fs::write(path, text);
    }
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)?;
    let written = file.metadata()?.len();
    file.write_all(findings::summary_addition(text, written).as_bytes())
}
