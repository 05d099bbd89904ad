//! The connectors that come with the program.

use std::path::Path;

use closeloop::{catalog::folder, diag::render};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/connectors"))
}

#[test]
fn all_of_them_are_without_a_mistake() {
    let loaded = folder::load(folder()).expect("the folder can be read");
    let diagnostics = loaded.diagnostics.sorted();
    assert!(diagnostics.is_empty(), "{}", render::text(&loaded.sources, &diagnostics, false));
    assert_eq!(loaded.connectors.len(), loaded.found);
}
