//! The texts that stand in the editor, and the files around them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    catalog::folder::Unsaved,
    editor::{File, FileKind, Project},
    yaml::MAX_BYTES,
};

/// What the editor has open.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<PathBuf, Open>);

#[derive(Debug)]
struct Open {
    text: String,
    version: i32,
}

impl Texts {
    pub(super) fn set(&mut self, path: PathBuf, text: String, version: i32) {
        self.0.insert(path, Open { text, version });
    }

    pub(super) fn close(&mut self, path: &Path) {
        self.0.remove(path);
    }

    pub(super) fn get(&self, path: &Path) -> Option<&str> {
        self.0.get(path).map(|it| it.text.as_str())
    }

    pub(super) fn version(&self, path: &Path) -> Option<i32> {
        self.0.get(path).map(|it| it.version)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// All of them.
    pub(super) fn unsaved(&self) -> Unsaved {
        self.0.iter().map(|(path, open)| (path.clone(), open.text.clone())).collect()
    }

    /// The open file with those that belong to it. `None` if it is not open, or none of the language's files.
    pub(super) fn project(&self, path: &Path) -> Option<Project> {
        let file = File::new(path.to_path_buf(), self.get(path)?.to_owned())?;
        let directory = path.parent()?;
        let root = directory.parent()?;
        let mut others = Vec::new();
        if FileKind::of(path) == Some(FileKind::Tests) {
            others.extend(self.file(&directory.join("connector.yaml")));
        }
        let account = std::iter::once(&file).chain(&others).find_map(File::shared_account);
        let accounts = root.join("_accounts");
        if let Some(account) = account.filter(|it| crate::yaml::typed::is_id(it)) {
            others.extend(self.file(&accounts.join(format!("{account}.yaml"))));
        }
        Some(Project { file, others, accounts: ids(&accounts) })
    }

    /// A file as it stands in the editor, or else on the disk.
    fn file(&self, path: &Path) -> Option<File> {
        let text = match self.get(path) {
            Some(text) => text.to_owned(),
            None if fs::metadata(path).ok()?.len() > MAX_BYTES as u64 => return None,
            None => fs::read_to_string(path).ok()?,
        };
        File::new(path.to_path_buf(), text)
    }
}

/// The accounts in a folder.
fn ids(accounts: &Path) -> Vec<String> {
    let files = fs::read_dir(accounts).into_iter().flatten().flatten().map(|it| it.path());
    let files = files.filter(|it| FileKind::of(it) == Some(FileKind::Account));
    let mut ids: Vec<_> = files.filter_map(|it| Some(it.file_stem()?.to_str()?.to_owned())).collect();
    ids.sort();
    ids
}
