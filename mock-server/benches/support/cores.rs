//! Placement of processes on cores. A request that wakes a sleeping core takes several times as
//! long as one that does not. The system's scheduler settles on either, so two equal servers can
//! differ fivefold.

use std::io;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::process::Process;

/// The available cores.
#[derive(Debug)]
pub(crate) struct Cores(Vec<usize>);

impl Cores {
    /// Returns the cores that this process may use, before any restriction.
    pub(crate) fn here() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let cores = 0..CpuSet::MAX_CPU;
        Ok(Self(cores.filter(|&core| allowed.is_set(core)).collect()))
    }

    /// Lets client and servers run anywhere, as the system chooses.
    pub(crate) fn all<'p>(&self, servers: impl IntoIterator<Item = &'p Process>) -> io::Result<()> {
        place(None, &self.0)?;
        servers
            .into_iter()
            .try_for_each(|server| move_to(server, &self.0))
    }

    /// Puts client and servers on one core: a request takes only the time of its work, without
    /// waking a core.
    pub(crate) fn one<'p>(&self, servers: impl IntoIterator<Item = &'p Process>) -> io::Result<()> {
        let one = &self.0[..1];
        place(None, one)?;
        servers
            .into_iter()
            .try_for_each(|server| move_to(server, one))
    }

    /// Puts servers on the first core and the client on the last: neither waits for the other's
    /// core, and a server has one core.
    pub(crate) fn apart<'p>(
        &self,
        servers: impl IntoIterator<Item = &'p Process>,
    ) -> io::Result<()> {
        let (first, last) = (&self.0[..1], &self.0[self.0.len() - 1..]);
        place(None, last)?;
        servers
            .into_iter()
            .try_for_each(|server| move_to(server, first))
    }
}

/// Moves every thread of a server to some cores.
fn move_to(server: &Process, cores: &[usize]) -> io::Result<()> {
    for thread in server.threads()? {
        place(Pid::from_raw(thread), cores)?;
    }
    Ok(())
}

fn place(thread: Option<Pid>, cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core);
    }
    Ok(sched_setaffinity(thread, &set)?)
}
