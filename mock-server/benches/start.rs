//! Time to the first answer, memory while idle, and size of the binary, compared with a bare hyper
//! server that sends the same bytes.

#![allow(clippy::print_stdout)] // It is a report.
#![allow(clippy::cast_precision_loss)] // Figures for people.

mod support;

use std::io;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use support::baseline::{Baseline, Recorded};
use support::client::{Client, Request};
use support::figures::{Rounds, Table, Target, mebibytes, millis, print_raw};
use support::process::{MOCK, Process};
use support::{Mode, run};

fn main() -> ExitCode {
    run(measure)
}

#[derive(Default)]
struct Measured {
    /// Process start to first answer, milliseconds.
    ready: Rounds,
    /// Resident memory while idle, MiB.
    resident: Rounds,
}

fn measure(mode: Mode) -> io::Result<()> {
    let rounds = mode.pick(40, 5);
    let mut client = Client::new()?;
    let mut request = Request::get("/api/v1/stocks/");
    let recorded = {
        let mock = Process::mock(&[])?;
        let mut connection = client.connect(mock.address)?;
        [Recorded::probe(
            &mut client,
            &mut connection,
            &mut request,
            200,
        )?]
    };
    let (mut mock, mut bare) = (Measured::default(), Measured::default());
    let start_mock = || Process::mock(&[]);
    let start_bare = || Baseline::start_recorded(&recorded);
    let mut sides: [(&dyn Fn() -> io::Result<Process>, _); 2] =
        [(&start_mock, &mut mock), (&start_bare, &mut bare)];
    for _ in 0..rounds {
        for (start, measured) in &mut sides {
            let process = start()?;
            let mut connection = client.connect(process.address)?;
            client.ask(&mut connection, &mut request, 200)?;
            measured.ready.0.push(millis(process.spawned.elapsed()));
            // Memory needed only for the start has been returned by now.
            sleep(Duration::from_millis(100));
            measured.resident.0.push(mebibytes(process.resident()?));
        }
    }
    let size = |path: &str| std::fs::metadata(path).map(|file| mebibytes(file.len()));
    let this = std::env::current_exe()?;
    println!("{rounds} rounds; median (least–most)");
    let mut table = Table::titled("Start");
    table.absolute(
        "process start to first answer",
        (&mock.ready, &bare.ready),
        (" ms", "bare hyper"),
        Target::AtMost(20.0),
    );
    table.absolute(
        "idle resident memory",
        (&mock.resident, &bare.resident),
        (" MiB", "bare hyper"),
        Target::AtMost(10.0),
    );
    table.absolute(
        "release binary",
        (
            &Rounds(vec![size(MOCK)?]),
            &Rounds(vec![size(&this.to_string_lossy())?]),
        ),
        (" MiB", "this bench"),
        Target::AtMost(15.0),
    );
    table.close();
    println!("\nRounds:\n");
    print_raw("mock, first answer", &mock.ready, "ms");
    print_raw("bare hyper, first answer", &bare.ready, "ms");
    print_raw("mock, resident", &mock.resident, "MiB");
    print_raw("bare hyper, resident", &bare.resident, "MiB");
    Ok(())
}
