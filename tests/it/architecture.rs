//! The promises of docs/architecture.md that can be read off the source.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Layer of each module; see the table in docs/architecture.md.
const LAYERS: &[(u8, &[&str])] = &[
    (9, &["cli"]),
    (8, &["app"]),
    (7, &["api", "config"]),
    (6, &["runtime"]),
    (5, &["connections", "catalog", "testing"]),
    (4, &["coordination", "delivery", "interpreter", "store"]),
    (3, &["auth", "transport", "crypto", "editor", "import", "system"]),
    (2, &["spec"]),
    (1, &["expr", "format", "yaml"]),
    (0, &["base", "wire", "diag", "signing"]),
];

/// Edges inside a layer, each with its reason.
const ALSO: &[(&str, &str, &str)] = &[
    ("auth", "transport", "signs what it sends"),
    ("catalog", "connections", "is where they look a connector up"),
    ("import", "transport", "knows what a status means"),
    ("expr", "format", "filters wrap its functions"),
    ("expr", "yaml", "a scalar's style decides how it compiles"),
];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if let Ok(text) = fs::read_to_string(&path) {
                into.push((path, text));
            }
        }
    }
    let mut all = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    assert!(!all.is_empty());
    all
}

/// The source without its tests, which may use anything.
fn production() -> Vec<(PathBuf, String)> {
    let is_test = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        path.components().any(|it| matches!(it.as_os_str().to_str(), Some("tests" | "conformance")))
            || name.ends_with("tests")
            || name == "fixtures"
    };
    let mut all = sources("src");
    all.retain(|(path, _)| !is_test(path));
    for (_, text) in &mut all {
        let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        text.truncate(end);
    }
    all
}

/// The module that a file of `src` belongs to: `src/store/db.rs` and `src/store.rs` are `store`.
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Every module named after `crate::`, also in `use crate::{a, b::c}` over several lines.
fn used_modules(text: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => used.push(std::mem::take(&mut word)),
                    c if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            used.push(word);
        } else {
            used.push(rest.to_owned());
        }
    }
    let name = |text: String| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    used.into_iter().map(name).filter(|it| !it.is_empty()).collect()
}

#[test]
fn modules_use_lower_layers_only() {
    let layers: BTreeMap<&str, u8> =
        LAYERS.iter().flat_map(|(layer, all)| all.iter().map(|it| (*it, *layer))).collect();
    let mut wrong = Vec::new();
    for (path, text) in production() {
        let from = module(&path);
        if from == "lib" || from == "main" {
            continue;
        }
        let Some(layer) = layers.get(from.as_str()) else {
            wrong.push(format!("{}: module `{from}` stands in no layer", path.display()));
            continue;
        };
        for to in used_modules(&text) {
            let allowed = to == from
                || layers.get(to.as_str()).is_none_or(|target| target < layer)
                || ALSO.iter().any(|(a, b, _)| *a == from && *b == to);
            if !allowed {
                wrong.push(format!("{}: `{from}` must not use `{to}`", path.display()));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lower_layers_are_pure() {
    let forbidden = ["tokio::", "reqwest::", "sqlx::", "axum::", "std::fs", "std::net", "std::env", "Instant::now"];
    for (path, text) in production() {
        let layer = LAYERS.iter().find(|(_, all)| all.contains(&module(&path).as_str())).map(|(layer, _)| *layer);
        if layer.is_some_and(|layer| layer <= 2) {
            for word in forbidden {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn no_provider_is_named_in_the_source() {
    let mut names = vec!["google".to_owned(), "apple".into(), "icloud".into(), "gmail".into(), "veritrans".into()];
    for (path, _) in sources("connectors") {
        let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        if path.file_name().unwrap() == "_demo.yaml" {
            continue;
        }
        let id = if folder == "_accounts" { path.file_stem().unwrap().to_str().unwrap().to_owned() } else { folder };
        names.push(id);
    }
    for (path, text) in sources("src") {
        let text = text.to_lowercase();
        for name in &names {
            assert!(!text.contains(name.as_str()), "{} names {name}", path.display());
        }
    }
}
