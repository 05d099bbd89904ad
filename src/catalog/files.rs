//! A connector's files as texts, wherever they are kept.

use std::{fs, io, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{folder::ACCOUNTS, own::Checked};
use crate::{
    diag::{Diagnostics, Sources},
    spec::{self, AccountFile, Connector, ConnectorFiles, Examined},
    yaml::{self, typed::is_id},
};

/// A connector's files as texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// `connector.yaml`
    pub connector: String,
    /// The account that it shares with others, if it does.
    pub account: Option<Account>,
    /// `tests.yaml`, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<String>,
    /// `logo.svg`, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

/// A file of `_accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name without `.yaml`.
    pub id: String,
    /// What it holds.
    pub text: String,
}

impl Files {
    /// Those in a connector's directory, with the account beside it that it shares, and the connector's id.
    ///
    /// # Errors
    /// If there is no `connector.yaml`, or a file can't be read.
    pub fn read(directory: &Path) -> io::Result<(String, Self)> {
        let optional = |name: &str| match fs::read_to_string(directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        };
        let connector =
            fs::read_to_string(directory.join("connector.yaml")).map_err(|it| no_connector(directory, it))?;
        let directory_name = directory.canonicalize()?;
        let id = directory_name.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let account = match shared(&connector) {
            // one that is not there is a mistake in the connector, which is told with its place
            Some(id) => optional(&format!("../{ACCOUNTS}/{id}.yaml"))?.map(|text| Account { id, text }),
            None => None,
        };
        Ok((id, Self { connector, account, tests: optional("tests.yaml")?, logo: optional("logo.svg")? }))
    }

    /// Those that decide how a connector behaves. Its tests hold made-up secrets, and a logo is large.
    #[must_use]
    pub fn behaving(&self) -> Self {
        Self { connector: self.connector.clone(), account: self.account.clone(), tests: None, logo: None }
    }

    /// Checks and compiles the connector of that id that they are of.
    pub fn check(&self, id: &str) -> Checked {
        self.check_and(id, |examined, _, _| examined)
    }

    fn check_and(&self, id: &str, and: impl Fn(Examined, &ConnectorFiles, &Sources) -> Examined) -> Checked {
        let mut checked = Checked::default();
        let Checked { sources, diagnostics, .. } = &mut checked;
        let mut read = |name: &str, text: &str| yaml::read(sources, name, text.as_bytes(), diagnostics);
        let connector = read("connector.yaml", &self.connector);
        let tests = self.tests.as_ref().and_then(|it| read("tests.yaml", it));
        let account = self.account.as_ref().and_then(|it| {
            let file = read(&format!("_accounts/{}.yaml", it.id), &it.text)?;
            Some(AccountFile { stem: it.id.clone(), file })
        });
        let Some(connector) = connector else { return checked };
        let files = ConnectorFiles { directory: id.to_owned(), connector, tests, logo: self.logo.clone() };
        let sources = &*sources;
        let by = |examine: &(dyn Fn(&ConnectorFiles) -> Examined + Sync)| vec![and(examine(&files), &files, sources)];
        let loaded = spec::load_by(account.as_slice(), sources, diagnostics, by).pop();
        checked.connector = loaded.filter(|_| !checked.diagnostics.has_errors());
        checked
    }

    /// As [`Files::check`], of files that were right once; without holding up what else this thread does, and without the cases,
    /// which are for their authors. `None`: this program can't read them any more.
    pub(super) async fn compile(self, id: String) -> Option<Arc<Connector>> {
        let compiling = tokio::task::spawn_blocking(move || {
            self.check_and(&id, |examined, files, sources| examined.folded(files, sources)).connector
        });
        compiling.await.unwrap_or_default()
    }
}

/// Whoever names a folder of connectors means one of them.
fn no_connector(directory: &Path, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::NotFound || !directory.is_dir() {
        return error;
    }
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut inside: Vec<_> = entries.map(|it| it.path()).filter(|it| it.join("connector.yaml").is_file()).collect();
    inside.sort();
    let meant = inside.first().map(|it| format!("; did you mean {}?", it.display())).unwrap_or_default();
    io::Error::new(error.kind(), format!("there is no connector.yaml in it{meant}"))
}

/// The account that a connector says it shares.
fn shared(connector: &str) -> Option<String> {
    let mut sources = Sources::default();
    let file = yaml::read(&mut sources, "connector.yaml", connector.as_bytes(), &mut Diagnostics::default())?;
    let tree = yaml::parse(&sources, file, &mut Diagnostics::default())?;
    tree.get("auth")?.get("account")?.as_text().filter(|it| is_id(it)).map(str::to_owned)
}
