//! `whippy-mock health`: the health check of a container.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use whippy_mock::http::Address;
use whippy_mock::system;

/// The longest wait for each step of the request.
const PATIENCE: Duration = Duration::from_secs(3);

/// The path of the request.
const PATH: &str = "/__admin/health";

/// Asks the mock at a URL or an address, and prints its answer. The exit code is 0 if the mock is
/// healthy, 1 if not, and 2 if the URL cannot be used.
pub(crate) fn run(target: &str) -> ExitCode {
    let Some(address) = address(target) else {
        eprintln!(
            "whippy-mock: health cannot ask `{target}`: it takes http://HOST:PORT, HOST:PORT or unix:PATH"
        );
        return ExitCode::from(2);
    };
    match ask(&address) {
        Ok(answer) => {
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            println!("{body}");
            let is_well = answer.starts_with("HTTP/1.1 200 ");
            if is_well {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("whippy-mock: no answer from {target}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn address(target: &str) -> Option<Address> {
    let plain = target.strip_prefix("http://").unwrap_or(target);
    Address::parse(plain.trim_end_matches('/'))
}

fn ask(address: &Address) -> std::io::Result<String> {
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    match address {
        Address::Tcp(host_and_port) => {
            let mut stream = connect(host_and_port)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)?;
        }
        Address::Unix(path) => {
            answer = system::ask_socket(path, request.as_bytes(), PATIENCE)?;
        }
    }
    Ok(answer)
}

fn connect(host_and_port: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("the name has no address");
    for address in host_and_port.to_socket_addrs()? {
        // A server that listens on every address is reached on the loopback address.
        let address = if address.ip().is_unspecified() {
            let own = if address.is_ipv6() {
                "::1"
            } else {
                "127.0.0.1"
            };
            (own, address.port())
                .to_socket_addrs()?
                .next()
                .unwrap_or(address)
        } else {
            address
        };
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
