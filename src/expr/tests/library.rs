//! The table of filters: every example is what it says.

use serde_json::Value as Json;

use super::{eval, scope};
use crate::expr::library::{FAMILIES, Role};

#[test]
fn every_example_gives_what_the_reference_says() {
    for entry in FAMILIES.iter().flat_map(|(_, entries)| *entries) {
        let (source, expected) = entry.example;
        let found = eval(source, &scope()).unwrap_or_else(|it| panic!("{source}: {it}"));
        let found = found.map_or("undefined".into(), |it: Json| it.to_string());
        assert_eq!(found, expected, "{source}");
    }
}

#[test]
fn names_are_unique_in_their_role() {
    for role in [Role::Filter, Role::Test, Role::Function] {
        let mut names: Vec<_> = crate::expr::library::entries(role).map(|it| it.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{role:?}");
    }
}
