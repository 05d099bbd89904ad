//! Compares what a page shows with what was printed.

use serde_json::Value as Json;

/// Stands for anything: a whole value, any entries of a list, a part of a text, lines.
const ANYTHING: &str = "…";

/// Where `found` is not what is `shown`; `None` if it is.
pub(super) fn json(shown: &Json, found: &Json) -> Option<String> {
    let different = || Some(format!("{shown} is shown, {found} was printed"));
    match (shown, found) {
        (Json::String(shown), _) if shown == ANYTHING => None,
        (Json::String(shown), Json::String(found)) if matches(shown, found) => None,
        (Json::Object(shown), Json::Object(found)) => shown.iter().find_map(|(key, value)| {
            json(value, found.get(key).unwrap_or(&Json::Null)).map(|it| format!("{key}: {it}"))
        }),
        (Json::Array(shown), Json::Array(found)) => entries(shown, found),
        _ if shown == found => None,
        _ => different(),
    }
}

/// Where two lists differ.
fn entries(shown: &[Json], found: &[Json]) -> Option<String> {
    let (mut rest, mut open) = (found.iter(), false);
    for shown in shown {
        if shown == ANYTHING {
            open = true;
            continue;
        }
        let difference = if open {
            let absent = !rest.any(|it| json(shown, it).is_none());
            absent.then(|| format!("{shown} is shown, and was not among the rest of the list"))
        } else {
            rest.next().map_or_else(|| Some(format!("{shown} is shown, the list was shorter")), |it| json(shown, it))
        };
        if difference.is_some() {
            return difference;
        }
        open = false;
    }
    let longer = !open && rest.next().is_some();
    longer.then(|| format!("{} entries are shown, {} were printed", shown.len(), found.len()))
}

/// The first line that is shown but was not printed after the ones before it.
pub(super) fn lines(shown: &str, printed: &str) -> Option<String> {
    let mut printed = printed.lines();
    shown
        .lines()
        .filter(|it| !matches!(it.trim(), "" | ANYTHING))
        .find(|shown| !printed.by_ref().any(|it| matches(shown.trim_end(), it.trim_end())))
        .map(|it| format!("this line was not printed (in this order):\n{it}"))
}

fn matches(shown: &str, found: &str) -> bool {
    let mut parts = shown.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last.is_some_and(|it| found.ends_with(it))
}

#[test]
fn what_is_not_shown_is_not_compared() {
    use serde_json::json;
    let found = json!({"id": "con_1", "list": [1, 2, 3], "more": {"a": 1}});
    for (shown, same) in [
        (json!({"id": "con_…"}), true),
        (json!({"id": "act_…"}), false),
        (json!({"list": [1, "…"], "more": "…"}), true),
        (json!({"list": [1, 2]}), false),
        (json!({"list": ["…", 3]}), true),
        (json!({"list": ["…", 2]}), false),
        (json!({"list": ["…", 4, "…"]}), false),
        (json!({"list": [1, 2, 3, 4]}), false),
        (json!({"list": [1, 2, 3], "other": 1}), false),
    ] {
        assert_eq!(json(&shown, &found).is_none(), same, "{shown}");
    }
    assert_eq!(lines("a\n…\nb … d", "a\nx\nb c d\n"), None);
    assert!(lines("b\na", "a\nb\n").is_some());
    assert!(!matches("a…b", "axbc") && matches("a…b", "axbcb"));
}
