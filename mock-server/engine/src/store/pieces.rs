//! A state as JSON in pieces of a few rows, so that a large one is never in memory as a whole.

use super::Store;
use super::table::Row;

/// The number of rows in a piece.
const ROWS: usize = 256;

/// The end of the JSON of a world with neither stocks nor reservations.
const END_OF_EMPTY: &str = "],\"reservations\":[]}";

/// The JSON of a state in pieces, which joined are the JSON of [`Store::dump`]. It holds a
/// clone of the state, so later writes do not show.
#[derive(Debug)]
pub struct Pieces {
    store: Store,
    next: Next,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Head,
    Stocks(usize),
    Reservations(usize),
    Nothing,
}

impl Store {
    /// Turns the state into an iterator over pieces of its JSON.
    pub fn into_pieces(self) -> Pieces {
        Pieces {
            store: self,
            next: Next::Head,
        }
    }
}

impl Pieces {
    /// The whole JSON.
    pub fn into_json(self) -> Vec<u8> {
        self.fold(Vec::new(), |mut json, piece| {
            json.extend_from_slice(&piece);
            json
        })
    }

    /// The same JSON in pieces of at least `size` bytes, but for the last.
    pub fn at_least(mut self, size: usize) -> impl Iterator<Item = Vec<u8>> {
        std::iter::from_fn(move || {
            let mut piece = self.next()?;
            while piece.len() < size {
                let Some(more) = self.next() else { break };
                piece.extend_from_slice(&more);
            }
            Some(piece)
        })
    }

    /// The part of the JSON before the first stock.
    fn head(&self) -> Vec<u8> {
        let mut head = self.store.dump_part(0..0, [0; 3], []).to_json();
        head.truncate(head.len().saturating_sub(END_OF_EMPTY.len()));
        head
    }
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let store = &self.store;
        let (piece, next) = match self.next {
            Next::Head => (self.head(), Next::Stocks(0)),
            Next::Stocks(from) if from >= store.len() => {
                (b"],\"reservations\":[".to_vec(), Next::Reservations(0))
            }
            Next::Stocks(from) => {
                let to = store.len().min(from + ROWS);
                let rows = (from..to).filter_map(|row| Row::try_from(row).ok());
                let stocks = rows.map(|row| store.dump_stock(row));
                (list(from, stocks), Next::Stocks(to))
            }
            Next::Reservations(from) => {
                let applied = store.applied.iter_from(from).take(ROWS);
                let rows = applied.map(|applied| store.dump_reservation(applied));
                let piece = list(from, rows);
                if piece.is_empty() {
                    (b"]}".to_vec(), Next::Nothing)
                } else {
                    (piece, Next::Reservations(from + ROWS))
                }
            }
            Next::Nothing => return None,
        };
        self.next = next;
        Some(piece)
    }
}

/// A part of a list as JSON: the rows from position `from` on, without the brackets.
fn list(from: usize, rows: impl Iterator<Item = impl serde::Serialize>) -> Vec<u8> {
    let mut piece = Vec::new();
    for (at, row) in (from..).zip(rows) {
        if at > 0 {
            piece.push(b',');
        }
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut piece, &row);
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets;
    use crate::store::world::World;
    use serde_json::json;

    fn store(json: &[u8]) -> Store {
        Store::load(&World::from_json(json).unwrap()).unwrap()
    }

    /// The JSON of a world with `count` stocks and as many reservations.
    fn world(count: usize) -> Vec<u8> {
        let stock = |n: usize| {
            let sku = n.to_string();
            json!({"sku": sku, "provider": "p", "location": "l", "stock": n})
        };
        let reservation = |n: usize| {
            json!({
                "operation": "increase-reserved-stock",
                "sku": n.to_string(),
                "location": "l",
                "date": format!("day {n}"),
            })
        };
        let world = json!({
            "providers": [{"name": "p"}],
            "stock_locations": [{"code": "l", "provider": "p"}],
            "stocks": (0..count).map(stock).collect::<Vec<_>>(),
            "reservations": (0..count).map(reservation).collect::<Vec<_>>(),
        });
        world.to_string().into_bytes()
    }

    #[test]
    fn the_pieces_of_a_state_are_its_dump() {
        let built_in = assets::world_names().filter_map(assets::world);
        let built_in = built_in.map(|json| json.as_bytes().to_vec());
        let large = [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS].map(world);
        for json in built_in.chain(large) {
            let store = store(&json);
            let whole = store.clone().into_pieces().into_json();
            assert_eq!(
                String::from_utf8(whole.clone()).unwrap(),
                String::from_utf8(store.dump().to_json()).unwrap()
            );
            let pieces: Vec<_> = store.into_pieces().at_least(1000).collect();
            assert!(pieces.iter().rev().skip(1).all(|piece| piece.len() >= 1000));
            assert_eq!(pieces.concat(), whole);
        }
    }
}
