//! IANA time zones, from the data that comes with the program: the same on every machine, and no files are read.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of that IANA name, such as `Asia/Jakarta`; letter case doesn't matter.
pub fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// All names, sorted.
pub fn zone_names() -> impl Iterator<Item = &'static str> {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut names: Vec<_> = ZONES.available().map(|it| it.as_str().to_owned()).collect();
        names.sort_unstable();
        names
    });
    NAMES.iter().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_by_name() {
        assert!(zone("Asia/Jakarta").is_some());
        assert!(zone("europe/berlin").is_some());
        assert!(zone("Mars/Olympus").is_none());
        assert!(zone("../etc/passwd").is_none());
        assert!(zone_names().any(|it| it == "America/Sao_Paulo"));
    }
}
