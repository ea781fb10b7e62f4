//! Tokens: the check of those that clients send, and the choice of one for a login.
//!
//! Logins are not stored. With a lifetime or after a revocation, the token of a login contains
//! its moment and the number of revocations before it. That is not safe against forgery, but
//! the mock has nothing to protect.

use std::fmt::Write as _;

use crate::endpoints::call::Settings;
use crate::model::time::Timestamp;

/// The length of a token, in hexadecimal digits.
const LENGTH: usize = 40;

/// The numbers of digits for the username's hash, the moment and the number of revocations.
const USER: usize = 8;
const MOMENT: usize = 16;
const REVOCATIONS: usize = 4;

/// The number of digits before the check digits.
const SAID: usize = USER + MOMENT + REVOCATIONS;

impl Settings {
    /// Returns `true` if a token is accepted at a moment of the world's clock.
    pub fn admits(&self, token: &str, at: Timestamp) -> bool {
        let is_named = self.tokens.iter().any(|known| known == token);
        let is_any = self.tokens.is_empty() && self.token_lifetime.is_none();
        if self.revocations == 0 && (is_named || is_any) {
            return true;
        }
        Login::read(token).is_some_and(|login| {
            login.revocations >= self.revocations
                && self
                    .token_lifetime
                    .is_none_or(|lifetime| at.micros() < login.at.saturating_add(lifetime))
        })
    }

    /// The token for a login at a moment of the world's clock.
    pub fn grant(&self, username: &str, at: Timestamp) -> String {
        if self.token_lifetime.is_some() || self.revocations > 0 {
            return Login {
                at: at.micros(),
                revocations: self.revocations,
            }
            .token(username);
        }
        match self.tokens.first() {
            Some(token) => token.clone(),
            None => digits_of(&[username], LENGTH),
        }
    }
}

/// The data in the token of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Login {
    /// The moment of the login, in microseconds since 1970.
    at: i64,
    /// The number of revocations before it.
    revocations: u16,
}

impl Login {
    fn token(self, username: &str) -> String {
        let mut token = digits_of(&[username], USER);
        let _ = write!(token, "{:016x}{:04x}", self.at, self.revocations);
        let check = digits_of(&[&token, "login"], LENGTH - SAID);
        token + &check
    }

    fn read(token: &str) -> Option<Self> {
        let (said, check) = token.split_at_checked(SAID)?;
        if check != digits_of(&[said, "login"], LENGTH - SAID) {
            return None;
        }
        let (moment, revocations) = said.get(USER..)?.split_at_checked(MOMENT)?;
        Some(Self {
            at: u64::from_str_radix(moment, 16).ok()?.cast_signed(),
            revocations: u16::from_str_radix(revocations, 16).ok()?,
        })
    }
}

/// The first `count` hexadecimal digits of a continued FNV-1a hash of the texts.
fn digits_of(texts: &[&str], count: usize) -> String {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let bytes = texts.iter().flat_map(|text| text.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325, mix);
    let mut digits = String::with_capacity(count + MOMENT);
    while digits.len() < count {
        hash = mix(hash, 0xff);
        let _ = write!(digits, "{hash:016x}");
    }
    digits.truncate(count);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn a_token_of_a_login_ends_with_its_lifetime() {
        let settings = Settings {
            token_lifetime: Some(HOUR),
            ..Settings::default()
        };
        let token = settings.grant("integration", at(5));
        assert_eq!(token.len(), LENGTH);
        assert!(settings.admits(&token, at(5 + HOUR - 1)));
        assert!(!settings.admits(&token, at(5 + HOUR)));
        assert!(!settings.admits("any", at(5)));
        assert!(settings.admits(&settings.grant("integration", at(5 + HOUR)), at(5 + HOUR)));
    }

    #[test]
    fn a_named_token_outlives_the_lifetime_and_not_a_revocation() {
        let mut settings = Settings {
            tokens: vec!["named".to_owned()],
            token_lifetime: Some(HOUR),
            ..Settings::default()
        };
        assert!(settings.admits("named", at(2 * HOUR)));
        settings.revocations += 1;
        assert!(!settings.admits("named", at(2 * HOUR)));
    }

    #[test]
    fn after_a_revocation_a_login_gives_another_token_even_if_the_clock_stands() {
        let mut settings = Settings::default();
        let mut last = settings.grant("integration", at(0));
        for _ in 0..3 {
            assert!(settings.admits(&last, at(0)));
            settings.revocations += 1;
            assert!(!settings.admits(&last, at(0)));
            assert!(!settings.admits("any", at(0)));
            last = settings.grant("integration", at(0));
        }
    }

    #[test]
    fn a_token_that_was_changed_is_not_let_in() {
        let settings = Settings {
            revocations: 1,
            ..Settings::default()
        };
        let token = settings.grant("integration", at(0));
        assert!(!settings.admits(&token.replace('0', "1"), at(0)));
        assert!(!settings.admits(&token[1..], at(0)));
        assert!(!settings.admits("Ünïcödé-Ünïcödé-Ünïcödé-Ünïcödé", at(0)));
    }
}
