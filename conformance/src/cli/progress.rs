//! Progress of a run on a terminal: a bar, and above it a line for each finished section.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use whippy_conformance::model::outcome::CheckReport;
use whippy_conformance::report::text::{self, Look};
use whippy_conformance::workers::lock;

/// The template of the bar.
const LINE: &str = "  {bar:24} {pos}/{len}  {elapsed}  {msg}";

/// The bar. It is hidden where nobody watches.
pub(crate) struct Progress {
    bar: ProgressBar,
    look: Look,
    width: usize,
    sections: Mutex<Vec<Section>>,
}

struct Section {
    name: String,
    left: usize,
    done: Vec<CheckReport>,
}

impl Progress {
    /// Creates a bar for the checks with these ids.
    pub(crate) fn new<'a>(
        ids: impl Iterator<Item = &'a str>,
        look: Look,
        is_watched: bool,
    ) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        let mut total = 0;
        for id in ids {
            total += 1;
            let name = id.split_once('/').map_or(id, |(section, _)| section);
            match sections.iter_mut().find(|section| section.name == name) {
                Some(section) => section.left += 1,
                None => sections.push(Section {
                    name: name.to_owned(),
                    left: 1,
                    done: Vec::new(),
                }),
            }
        }
        let target = if is_watched {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(LINE) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self {
            bar,
            look,
            width: sections
                .iter()
                .map(|section| section.name.chars().count())
                .max()
                .unwrap_or(0),
            sections: Mutex::new(sections),
        }
    }

    /// Notes a finished check.
    pub(crate) fn tell(&self, check: &CheckReport) {
        self.bar.inc(1);
        self.bar.set_message(check.id.clone());
        if self.bar.is_hidden() {
            return;
        }
        let mut sections = lock(&self.sections);
        let section = sections
            .iter_mut()
            .find(|section| section.name == check.section());
        let Some(section) = section else { return };
        section.left -= 1;
        section.done.push(check.clone());
        if section.left == 0 {
            let done: Vec<_> = section.done.iter().collect();
            let line = text::section_line(&section.name, &done, self.width, self.look);
            self.bar.println(line);
            section.done.clear();
        }
    }

    /// Shows the present activity after the checks.
    pub(crate) fn say(&self, message: &'static str) {
        self.bar.set_message(message);
    }

    /// Removes the bar; returns `true` if the sections were shown.
    pub(crate) fn end(self) -> bool {
        let were_shown = !self.bar.is_hidden();
        self.bar.finish_and_clear();
        were_shown
    }
}
