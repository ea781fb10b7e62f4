//! The permission of a run to change its target, and its enforcement: the guard around the target,
//! the ledger of writes, and the clean-up after them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HeaderValue};
use whippy_conformance::cases::probe::Session;
use whippy_conformance::model::outcome::{CleanUp, Safety};
use whippy_conformance::transport::clean_up::{Manner, clean_up};
use whippy_conformance::transport::guard::{Guard, Limits};
use whippy_conformance::transport::ledger::{self, Ledger};
use whippy_conformance::transport::target::Target;

use super::args::{JOBS, WritingArgs};
use super::connection::Connection;
use super::refusal::Refusal;

/// The default prefix of SKUs.
const PREFIX: &str = "00CT-";

/// The longest prefix that a user may choose: followed by the run's id and a number, a SKU stays
/// below 32 characters.
const LONGEST_PREFIX: usize = 13;

/// The most rows that a run writes by default.
const BUDGET: u64 = 10_000;

/// The permission of a run.
#[derive(Debug)]
pub(crate) struct Permission {
    pub(crate) mode: Safety,
    pub(crate) may_create_places: bool,
    /// Is true if the state of the target may be replaced.
    pub(crate) may_seed: bool,
    prefix: String,
    budget: u64,
    stock_list: Option<i64>,
    ledger: PathBuf,
    run: String,
    /// The most requests of the clean-up at a time.
    pub(crate) jobs: usize,
}

impl Permission {
    /// Derives the permission from the flags. Without a flag a live target is written to only if it
    /// proves to be a whippy-mock on this machine: through a tunnel any service can be `localhost`.
    pub(crate) fn new(
        args: &WritingArgs,
        stock_list: Option<i64>,
        connection: &Connection,
        run: String,
    ) -> Result<Self, Refusal> {
        let may_write = || args.write || connection.is_embedded || connection.is_local_mock();
        let mode = if !args.read_only && may_write() {
            Safety::Write
        } else {
            Safety::Read
        };
        for (flag, is_given) in [
            ("--create-places", args.create_places),
            ("--reset-target", args.reset_target),
        ] {
            if is_given && mode == Safety::Read {
                return Err(Refusal::usage(format!(
                    "{flag} writes, and this run only reads: --write allows it"
                )));
            }
        }
        let prefix = args.sku_prefix.as_deref().unwrap_or(PREFIX);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if prefix.len() > LONGEST_PREFIX || !prefix.chars().all(is_plain) {
            return Err(Refusal::usage(format!(
                "--sku-prefix cannot be `{prefix}`: it takes up to {LONGEST_PREFIX} letters, digits, `-` and `_`"
            )));
        }
        let is_ours = connection.is_embedded && mode == Safety::Write;
        // No other run shares the embedded mock.
        let behind = if connection.is_embedded {
            String::new()
        } else {
            format!("{run}-")
        };
        let ledger = args.ledger.clone();
        Ok(Self {
            mode,
            may_create_places: args.create_places || is_ours,
            may_seed: args.reset_target || is_ours,
            prefix: format!("{prefix}{behind}"),
            budget: args.write_budget.unwrap_or(BUDGET),
            stock_list,
            ledger: ledger
                .unwrap_or_else(|| format!("whippy-conformance-{run}.ledger.jsonl").into()),
            run,
            jobs: JOBS,
        })
    }

    /// Returns `true` if the guard lets requests for the alias of the active stocks pass.
    pub(crate) fn may_ask_alias(&self) -> bool {
        self.stock_list.is_some() || self.may_seed
    }

    /// Returns the target for reading only, as at the start of a run. An embedded mock that may be
    /// written to needs no guard: it ends with the run.
    pub(crate) fn looking(&self, connection: &Connection) -> Arc<dyn Target> {
        if connection.is_embedded && self.mode == Safety::Write {
            return connection.remote.clone();
        }
        Arc::new(Guard::read_only(
            connection.remote.clone(),
            self.stock_list,
            connection.has_login(),
        ))
    }

    /// Gives the session a target for writing, with a ledger. Returns `None` where no write can
    /// outlast the run.
    pub(crate) fn let_write(
        &self,
        connection: &Connection,
        session: &mut Session,
        started: String,
    ) -> Result<Option<Writing>, Refusal> {
        session.sku_prefix.clone_from(&self.prefix);
        if connection.is_embedded || self.mode == Safety::Read {
            return Ok(None);
        }
        let run = ledger::Run {
            id: self.run.clone(),
            target: connection.about.clone(),
            prefix: self.prefix.clone(),
            started,
        };
        let ledger =
            Ledger::create(&self.ledger, run).map_err(|error| Refusal::usage(error.to_string()))?;
        // If this machine goes down, so does its mock: the ledger need not survive that.
        let ledger = Arc::new(if connection.is_local_mock() {
            ledger.without_flushing()
        } else {
            ledger
        });
        let limits = Limits {
            prefix: self.prefix.clone(),
            budget: self.budget,
            stock_list: self.stock_list,
            places: self.may_create_places,
            methods: self.may_seed,
            seeding: self.may_seed,
        };
        let guard = Guard::writing(connection.remote.clone(), limits, Arc::clone(&ledger));
        let guard = Arc::new(guard.map_err(|error| {
            // Nothing was written, so the ledger is not needed.
            let _ = std::fs::remove_file(&self.ledger);
            Refusal::usage(error.to_string())
        })?);
        session.target = guard.clone();
        Ok(Some(Writing {
            guard,
            ledger,
            path: self.ledger.clone(),
            may_reset: self.may_seed,
            jobs: self.jobs,
        }))
    }
}

/// The guard and ledger of a run that writes, for the clean-up.
pub(crate) struct Writing {
    guard: Arc<Guard>,
    ledger: Arc<Ledger>,
    pub(crate) path: PathBuf,
    may_reset: bool,
    /// The most requests of the clean-up at a time.
    jobs: usize,
}

impl Writing {
    /// Takes up the ledger of an earlier run.
    pub(crate) fn of_ledger(
        path: &Path,
        ledger: Ledger,
        connection: &Connection,
    ) -> Result<Self, Refusal> {
        let limits = Limits {
            prefix: ledger.run().prefix.clone(),
            ..Limits::default()
        };
        let ledger = Arc::new(ledger);
        let guard = Guard::writing(connection.remote.clone(), limits, Arc::clone(&ledger));
        let guard =
            guard.map_err(|error| Refusal::usage(format!("--from {}: {error}", path.display())))?;
        Ok(Self {
            guard: Arc::new(guard),
            ledger,
            path: path.to_owned(),
            may_reset: false,
            jobs: JOBS,
        })
    }

    /// Returns the target behind the guard.
    pub(crate) fn target(&self) -> Arc<dyn Target> {
        self.guard.clone()
    }

    /// Makes every written stock unsellable. The ledger stays only if something is left to do.
    pub(crate) fn clean_up(&self, connection: &Connection, session: &Session) -> CleanUp {
        if self.may_reset && connection.return_to_seed() {
            return self.neutral(0, Vec::new());
        }
        let authorization = session.token.as_ref().and_then(|token| {
            let mut value = HeaderValue::from_str(&format!("Token {token}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let manner = Manner {
            authorization,
            reservation_in_query: session.sees("reservation-arguments", "query"),
            jobs: self.jobs,
        };
        let cleaned = clean_up(&self.guard, &self.ledger, &manner);
        let left: Vec<String> = cleaned.left.iter().map(ToString::to_string).collect();
        // Created places stay, since the API cannot delete them.
        if left.len() == self.ledger.places().len() {
            return self.neutral(cleaned.neutralised, left);
        }
        CleanUp {
            neutralised: cleaned.neutralised,
            left,
            ledger: Some(self.path.display().to_string()),
        }
    }

    fn neutral(&self, neutralised: usize, left: Vec<String>) -> CleanUp {
        let is_removed = std::fs::remove_file(&self.path).is_ok();
        CleanUp {
            neutralised,
            left,
            ledger: (!is_removed).then(|| self.path.display().to_string()),
        }
    }
}

impl Connection {
    /// Returns a whippy-mock to its initial state; returns `false` where that fails.
    fn return_to_seed(&self) -> bool {
        let mut request = Request::post(format!("{}/__admin/reset", self.remote.base()));
        if let Some(token) = &self.admin_token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = request
            .body(Bytes::new())
            .ok()
            .and_then(|request| self.remote.send(&request).ok());
        answer.is_some_and(|answer| answer.status().is_success())
    }
}
