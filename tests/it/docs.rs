//! The documentation, run as it is printed: `docs/page.rs` tells how a page says what is to be done.

mod expect;
mod page;
mod shell;

use std::{fs, path::Path};

use page::Kind;
use shell::Shell;
use tempfile::TempDir;

/// Does what the page says, in a folder of its own.
struct Reader {
    page: &'static str,
    folder: TempDir,
}

impl Reader {
    fn of(page: &'static str) -> Self {
        Self { page, folder: tempfile::tempdir().unwrap() }
    }

    /// `person` is asked at each `<!-- test: … -->` with its words and what was printed last.
    fn read(&self, variables: &[(&str, String)], mut person: impl FnMut(&str, &str)) {
        let mut shell = Shell::start(self.folder.path(), variables);
        let (mut printed, mut commands) = (String::new(), 0);
        for part in page::parts(self.page) {
            let place = format!("{}:{}", self.page, part.line);
            match part.kind {
                Kind::File(name) => write(&self.folder.path().join(name), &part.text),
                Kind::Commands { succeed } => {
                    let (output, succeeded) = shell.run(&part.text);
                    assert_eq!(succeeded, succeed, "{place}: {}\nprinted\n{output}", part.text);
                    (printed, commands) = (output, commands + 1);
                }
                Kind::Json => {
                    let read =
                        |text: &str| serde_json::from_str(text).unwrap_or_else(|it| panic!("{place}: {it}: {text}"));
                    let different = expect::json(&read(&part.text), &read(&printed));
                    assert_eq!(different, None, "{place}: printed was\n{printed}");
                }
                Kind::Lines => {
                    assert_eq!(expect::lines(&part.text, &printed), None, "{place}: printed was\n{printed}");
                }
                Kind::Person => person(&part.text, &printed),
            }
        }
        assert_ne!(commands, 0, "{} has no commands", self.page);
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{text}\n")).unwrap();
}

fn nobody(words: &str, _: &str) {
    panic!("nobody is there to: {words}");
}

#[test]
fn the_readme_works_as_printed() {
    Reader::of("README.md").read(&[], nobody);
}
