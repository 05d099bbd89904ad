//! The reference tokens of JSON Pointers (RFC 6901 §3).

/// A key as a token: `a~1b` for `a/b`.
pub fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key that a token stands for.
pub fn key(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_tildes_come_back() {
        for (name, written) in [("a/b", "a~1b"), ("m~n", "m~0n"), ("~1", "~01"), ("", "")] {
            assert_eq!(token(name), written);
            assert_eq!(key(written), name);
        }
    }
}
