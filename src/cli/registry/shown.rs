//! What the engine says of connectors and their versions, in lines.

use serde_json::Value as Json;

use crate::cli::refusal::{all, diagnostic};

/// Everybody's connectors.
pub(super) fn list(page: &Json) {
    for it in all(&page["data"]) {
        println!("{}", line(it));
    }
}

fn line(it: &Json) -> String {
    let text = |key: &str| it[key].as_str();
    let (from, in_folder) = (text("from").unwrap_or_default(), text("in_folder"));
    let version = text("version").unwrap_or("-");
    let mut line = format!("{}  {version}  {from}", text("connector").unwrap_or_default());
    if let Some(folder) = in_folder.filter(|it| from == "registry" && *it != version) {
        line.push_str(&format!("  (the folder has {folder})"));
    }
    if let Some(trying) = text("trying") {
        line.push_str(&format!("  trying {trying}"));
    }
    if let Some(pins @ 1..) = it["pins"].as_u64() {
        line.push_str(&format!("  {pins} pinned"));
    }
    for version in all(&it["unreadable"]) {
        line.push_str(&format!("\n  version {} can't be read any more", version.as_str().unwrap_or_default()));
    }
    if let Some(problem) = text("problem") {
        line.push_str(&format!("\n  what the folder has is not taken over: {}", problem.replace('\n', "\n    ")));
    }
    for mistake in all(&it["diagnostics"]) {
        line.push_str(&format!("\n  {}", diagnostic(mistake)));
    }
    line
}

/// One connector with all that is known.
pub(super) fn standing(it: &Json) {
    println!("{}", line(it));
    for version in all(&it["versions"]) {
        let text = |key: &str| version[key].as_str().unwrap_or_default();
        let active = if version["active"] == true { "  active" } else { "" };
        println!("  {}  {}  {}{active}", text("version"), text("published_at"), text("published_by"));
    }
    for pin in all(&it["pinned"]) {
        let text = |key: &str| pin[key].as_str().unwrap_or_default();
        println!("  {} ({}) stays with {}", text("org_name"), text("org"), text("version"));
    }
    if let Some(before) = all(&it["previous"]).first() {
        println!("  before it: {}", before.as_str().unwrap_or("the folder's"));
    }
    for key in ["canary", "last_canary"] {
        let canary = &it[key];
        let Some(version) = canary["version"].as_str() else { continue };
        match canary["end"].as_str() {
            None => {
                let orgs = counted(all(&canary["orgs"]).len() as u64, "org");
                println!("  trying {version}: {orgs}, {} % of the others", canary["share"]);
            }
            Some("promoted") if it["from"] != "registry" || it["version"] != version => {
                println!("  {version} was promoted, and is not live any more");
            }
            Some(end) => println!("  {version} was {}{}", end.replace('_', " "), why(canary)),
        }
        for (name, of) in [("of it", "of_canary"), ("of the active version", "of_active")] {
            let tally = &canary[of];
            let usual = tally["usual_milliseconds"].as_f64().map_or(String::new(), |it| format!(", usually {it} ms"));
            let calls = counted(tally["calls"].as_u64().unwrap_or_default(), "call");
            println!("    {calls} {name}, {} failed{usual}", tally["failed"]);
        }
    }
}

fn why(canary: &Json) -> String {
    canary["why"].as_str().map_or(String::new(), |why| format!(": {why}"))
}

/// What became of a version that was published.
pub(super) fn published(it: &Json) {
    let text = |key: &str| it[key].as_str().unwrap_or_default();
    let how = if it["active"] == true { "is live" } else { "is staged" };
    println!("{} {} {how}", text("connector"), text("version"));
    changes(it);
    for warning in all(&it["warnings"]) {
        println!("  {}", diagnostic(warning));
    }
}

/// How two versions differ.
pub(super) fn differing(it: &Json) {
    println!("{} → {}", it["from"].as_str().unwrap_or("nothing"), it["to"].as_str().unwrap_or_default());
    changes(it);
    println!("{}", it["text"].as_str().unwrap_or_default().trim_end());
}

fn changes(it: &Json) {
    for change in all(&it["changes"]) {
        let sign = if change["breaks"] == true { "breaks: " } else { "" };
        println!("  {sign}{}", change["message"].as_str().unwrap_or_default());
    }
    for it in all(&it["unfit"]) {
        let text = |key: &str| it[key].as_str().unwrap_or_default();
        println!(
            "  the action `{}` of the agent `{}` of {} ({}, {}): this version {}",
            text("action"),
            text("agent"),
            text("org_name"),
            text("org"),
            text("enabled_action"),
            text("problem")
        );
    }
}

/// `1 call`, `2 calls`.
fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
