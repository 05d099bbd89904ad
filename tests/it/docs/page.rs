//! A Markdown page as a test: what it shows is written, run and compared.
//!
//! | fence | the test |
//! | --- | --- |
//! | `yaml` | writes it to the last `path.yaml` that the text before it names |
//! | `sh` | runs it; it must succeed (`sh fails`: it must fail) |
//! | `json` after `sh` | the output is that value; what is not shown is not compared, `…` stands for anything |
//! | `text` after `sh` | the output has these lines in this order, `…` stands for anything |
//! | `<!-- test: words -->` | what a person does meanwhile; the test knows how |
//! | anything else | is only shown |

use std::{fs, path::Path};

/// Something that the page shows.
#[derive(Debug)]
pub(super) struct Part {
    /// For messages: where it stands.
    pub(super) line: usize,
    pub(super) show: Show,
    pub(super) text: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// A file of that name.
    File(String),
    /// Commands, and whether they succeed.
    Commands { succeed: bool },
    /// What the commands before it print.
    Json,
    /// The same as lines.
    Lines,
    /// Not done by a command.
    Person,
}

/// The parts of a page of this repository.
pub(super) fn parts(page: &str) -> Vec<Part> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut parts: Vec<Part> = Vec::new();
    let mut named = None;
    let mut lines = text.lines().zip(1..);
    while let Some((text, line)) = lines.next() {
        if let Some(words) = text.strip_prefix("<!-- test: ").and_then(|it| it.strip_suffix(" -->")) {
            parts.push(Part { line, show: Show::Person, text: words.to_owned() });
        }
        let Some(fence) = text.strip_prefix("```") else {
            named = last_file(text).or(named);
            continue;
        };
        let body: Vec<&str> = lines.by_ref().map(|(it, _)| it).take_while(|it| *it != "```").collect();
        let show = match fence {
            "yaml" => named.clone().map(Show::File),
            "sh" => Some(Show::Commands { succeed: true }),
            "sh fails" => Some(Show::Commands { succeed: false }),
            "json" => Some(Show::Json),
            "text" => Some(Show::Lines),
            _ => None,
        };
        let follows = parts.last().is_some_and(|it| matches!(it.show, Show::Commands { .. }));
        let Some(show) = show.filter(|it| follows || !matches!(it, Show::Json | Show::Lines)) else { continue };
        parts.push(Part { line, show, text: body.join("\n") });
    }
    parts
}

/// The last `path.yaml` in back quotes.
fn last_file(text: &str) -> Option<String> {
    text.split('`').skip(1).step_by(2).filter(|it| it.ends_with(".yaml")).last().map(str::to_owned)
}
