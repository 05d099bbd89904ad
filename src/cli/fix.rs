//! `closeloop validate --fix`: the certain fixes, made until none is left.
//!
//! All rounds happen in memory. Then each file that has changed is replaced at once, so that whoever reads it, and whatever
//! happens meanwhile, sees the old text or the new one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::connectors::check;
use crate::{
    catalog::folder::{Loaded, Unsaved},
    diag::{Diagnostics, FileId, Fix, Sources, fix::apply},
    yaml,
};

/// A mistake may hide another, which hides another; fixes that still bring new ones after so many rounds go in a circle.
const MOST_ROUNDS: usize = 50;

/// Puts right what can be at a path, tells of each edit, and gives what is there afterwards.
pub(super) fn run(path: &Path, mut tell: impl FnMut(String)) -> Result<Loaded> {
    let mut fixing = Fixing::default();
    let mut loaded = check(path, &fixing.texts)?;
    for _ in 0..MOST_ROUNDS {
        if !fixing.round(&loaded) {
            fixing.write(&mut tell)?;
            return Ok(loaded);
        }
        loaded = check(path, &fixing.texts)?;
    }
    bail!("the fixes come to no end, so none was made; mend the first mistake by hand")
}

/// What is to become of the files.
#[derive(Default)]
struct Fixing {
    /// The new texts, by path.
    texts: Unsaved,
    /// What stood there before.
    before: BTreeMap<PathBuf, String>,
    /// The edits made, a line each.
    made: BTreeMap<PathBuf, Vec<String>>,
    /// Files that an edit would have made unreadable.
    left: BTreeSet<PathBuf>,
}

impl Fixing {
    /// Makes in each file the edits that don't touch each other. Tells whether any was made.
    fn round(&mut self, loaded: &Loaded) -> bool {
        let mut by_file: BTreeMap<FileId, Vec<&Fix>> = BTreeMap::new();
        for fix in loaded.diagnostics.iter().filter_map(|it| it.fix.as_ref()).filter(|it| it.certain) {
            by_file.entry(fix.span.file).or_default().push(fix);
        }
        let mut any = false;
        for (file, fixes) in by_file {
            any |= self.file(&loaded.sources, file, &fixes);
        }
        any
    }

    fn file(&mut self, sources: &Sources, file: FileId, fixes: &[&Fix]) -> bool {
        let source = sources.get(file);
        let path = PathBuf::from(&source.name);
        if self.left.contains(&path) {
            return false;
        }
        let placed: Vec<_> = fixes.iter().filter_map(|it| Some((it.range(sources)?, *it))).collect();
        let edits: Vec<_> = placed.iter().map(|(range, it)| (range.clone(), it.text.as_str())).collect();
        let (text, made) = apply(&source.text, &edits);
        if text == source.text {
            return false;
        }
        if is_yaml(&source.text) && !is_yaml(&text) {
            self.left.insert(path);
            return false;
        }
        let lines = made.into_iter().map(|number| {
            let (range, fix) = &placed[number];
            let (line, column) = sources.position(file, range.start);
            format!("{}:{line}:{column}: {}", source.name, fix.title)
        });
        self.made.entry(path.clone()).or_default().extend(lines);
        self.before.entry(path.clone()).or_insert_with(|| source.text.clone());
        self.texts.insert(path, text);
        true
    }

    fn write(&self, tell: &mut impl FnMut(String)) -> Result<()> {
        for (path, text) in &self.texts {
            replace(path, &self.before[path], text).with_context(|| path.display().to_string())?;
            self.made[path].iter().cloned().for_each(&mut *tell);
        }
        let edits: usize = self.made.values().map(Vec::len).sum();
        if edits > 0 {
            let files = self.texts.len();
            let plural = |count: usize| if count == 1 { "" } else { "s" };
            tell(format!("{edits} edit{} in {files} file{}\n", plural(edits), plural(files)));
        }
        Ok(())
    }
}

fn is_yaml(text: &str) -> bool {
    let mut sources = Sources::default();
    let file = sources.add("", text);
    yaml::parse(&sources, file, &mut Diagnostics::default()).is_some()
}

/// Puts `text` in place of `before`, at once, with the rights that the file has; through a link into what it leads to.
fn replace(path: &Path, before: &str, text: &str) -> Result<()> {
    let path = fs::canonicalize(path)?;
    if fs::read(&path)? != before.as_bytes() {
        bail!("the file has changed meanwhile, so it was left as it is");
    }
    let name = path.file_name().context("it has no name")?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::metadata(&path)?.permissions()))
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        fs::remove_file(&beside).ok();
    }
    Ok(written?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "\
id: shop
version: 1.0.0
title: Shop
summary: Sells things. # ü stays
catalog: {group: other_integration, phase: closed_beta}
auth: {scheme: none}
http: {base_url: https://api.example.com/v1}
actions:
  find:
    title: Find an item
    describe: 'Find an item by its name. Call it before anything is said about items.'
    effect: read
    input: {name: {type: string}}
    request: {method: GET, path: \"/items/{{ input.name }}\"}
";

    fn folder(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("shop/connector.yaml");
        fs::create_dir(folder.path().join("shop")).expect("a directory");
        fs::write(&file, text).expect("written");
        (folder, file)
    }

    fn fixed(text: &str) -> (String, Vec<String>) {
        let (folder, file) = folder(text);
        let mut told = Vec::new();
        run(&folder.path().join("shop"), |it| told.push(it)).expect("fixed");
        let left = fs::read_dir(folder.path().join("shop")).expect("a directory").count();
        assert_eq!(left, 1, "nothing is left beside the file");
        (fs::read_to_string(file).expect("text"), told)
    }

    #[test]
    fn mistakes_that_hide_each_other_are_put_right_and_nothing_else_is_touched() {
        let wrong = RIGHT
            .replace("describe:", "description:")
            .replace(
                "{method: GET, path: \"/items/{{ input.name }}\"}",
                "\n      mehtod: get\n      path: {{ name }}/x",
            )
            .replace("other_integration", "other_integraton")
            .replace('\n', "\r\n");
        // Indented by tabs, all of it.
        let by_tabs = |line: &str| {
            let text = line.trim_start_matches(' ');
            format!("{}{text}", "\t".repeat((line.len() - text.len()) / 2))
        };
        let wrong: String = wrong.split_inclusive('\n').map(by_tabs).collect();
        let (text, told) = fixed(&wrong);
        let right = RIGHT
            .replace(
                "{method: GET, path: \"/items/{{ input.name }}\"}",
                "\n      method: GET\n      path: \"{{ input.name }}/x\"",
            )
            .replace('\n', "\r\n");
        assert_eq!(text, right, "{told:#?}");
        assert_eq!(told.len(), 8, "{told:#?}");
        assert!(told[7].starts_with("7 edits in 1 file"), "{told:#?}");
    }

    #[test]
    fn what_is_only_a_guess_is_left_to_its_author() {
        let wrong = RIGHT.replace("{{ input.name }}", "{{ input.nam_e_1 }}");
        assert_eq!(fixed(&wrong), (wrong, vec![]));
        assert_eq!(fixed(RIGHT), (RIGHT.to_owned(), vec![]));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_rights_and_a_link_stays_one() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let (folder, file) = folder("");
        let real = folder.path().join("real.yaml");
        fs::write(&real, RIGHT.replace("title: Shop", "titel: Shop")).expect("written");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("set");
        fs::remove_file(&file).expect("removed");
        symlink(&real, &file).expect("linked");
        run(&folder.path().join("shop"), |_| {}).expect("fixed");
        assert!(fs::symlink_metadata(&file).expect("there").is_symlink());
        assert_eq!(fs::metadata(&real).expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&real).expect("text"), RIGHT);
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left() {
        let (_folder, file) = folder(RIGHT);
        let error = replace(&file, "something else", "new").expect_err("it has changed");
        assert!(error.to_string().contains("has changed meanwhile"), "{error}");
        assert_eq!(fs::read_to_string(&file).expect("text"), RIGHT);
    }
}
