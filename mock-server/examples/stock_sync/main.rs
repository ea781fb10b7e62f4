//! A small integration between an ERP and Whippy Ware, and its tests. It sends new stocks, and
//! reserves and releases a piece of an order.
//!
//! ```sh
//! cargo test -p whippy-mock --example stock_sync                       # its tests
//! whippy-mock exec --world demo -- cargo run --example stock_sync      # the program
//! whippy-mock exec --world demo -- cargo run --example stock_sync wrong
//! ```
//!
//! The last one is as it is often written, and `exec` reports its mistakes.

#![allow(clippy::print_stdout)] // It is a command.

mod erp;
mod right;
#[cfg(test)]
mod tests;
mod wrong;

use std::env;
use std::error::Error;
use std::time::Duration;

const SKU: &str = "TS1042-NVY-L";
const LOCATION: &str = "wh-tuzla";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    let (url, token) = (variable("WHIPPY_URL")?, variable("WHIPPY_TOKEN")?);
    let items = erp::items(250);
    let (sent, plentiful) = match env::args().nth(1).as_deref() {
        None => {
            let ordered_at = "2023-05-10T12:00:00+00:00";
            let client = right::StockClient::new(&url, &token, Duration::from_millis(500));
            let sent = client.sync(&items).await?;
            client.reserve(SKU, LOCATION, ordered_at).await?;
            client.release(SKU, LOCATION, ordered_at).await?;
            (sent, client.plentiful(100).await?)
        }
        Some("wrong") => {
            let client = wrong::StockClient::new(&url, &token);
            let sent = client.sync(&items).await?;
            client.reserve(SKU, LOCATION).await?;
            client.release(SKU, LOCATION).await?;
            (sent, client.plentiful(100).await?)
        }
        Some(other) => return Err(format!("`{other}` is nothing to do; `wrong` is").into()),
    };
    println!("{sent} stocks sent, a piece reserved and released");
    println!("{} stocks of more than 100 pieces", plentiful.len());
    Ok(())
}
