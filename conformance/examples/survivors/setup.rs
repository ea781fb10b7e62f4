//! The service and the run that the examples and the benchmark measure with.

use std::sync::Arc;
use std::time::Duration;

use whippy_conformance::cases::probe::Session;
use whippy_conformance::contract::Contract;
use whippy_conformance::model::finding::Level;
use whippy_conformance::model::outcome::Safety;
use whippy_conformance::run::Options;
use whippy_conformance::run::discovery::{self, PlaceOptions, Unsettled};
use whippy_conformance::transport::target::Target;
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::endpoints::call::Settings;
use whippy_engine::store::Store;
use whippy_engine::store::world::{World, WorldError};

const TOKEN: &str = "f532e0000000000000000000000000000009332d";
const USER: (&str, &str) = ("someone", "something");

/// The demo world of a service that knows one token and one user.
pub(crate) fn seed() -> Result<Seed, WorldError> {
    let world = World::from_json(assets::world("demo").unwrap_or_default().as_bytes())?;
    Ok(Seed {
        settings: Settings {
            tokens: vec![TOKEN.to_owned()],
            credentials: Some((USER.0.to_owned(), USER.1.to_owned())),
            ..Settings::default()
        },
        store: Store::load(&world)?,
        clock: ClockMode::Real,
    })
}

/// A session as the command begins it, without places.
pub(crate) fn session(target: Arc<dyn Target>, contract: &Arc<Contract>) -> Session {
    let mut session = Session::new(target, Arc::clone(contract));
    session.token = Some(TOKEN.to_owned());
    session.environment.set("username", USER.0);
    session.environment.set("password", USER.1);
    session.patience = Duration::from_secs(6);
    session
}

/// Creates places of the session's own.
pub(crate) fn settle(session: &mut Session) -> Result<(), Unsettled> {
    let places = PlaceOptions {
        create_places: true,
        ..PlaceOptions::default()
    };
    discovery::settle(session, &places)
}

/// A run of every check, one at a time.
pub(crate) fn options(level: Level) -> Options {
    Options {
        mode: Safety::Write,
        level,
        jobs: 1,
        retries: 0,
        may_seed: true,
    }
}
