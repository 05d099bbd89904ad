//! From files to connectors: the only way to one.

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use indexmap::IndexMap;

use super::{
    Account, Connector, check,
    facts::Facts,
    hosts,
    lower::{Lower, Tested},
    reads,
};
use crate::{
    diag::{Diagnostic, Diagnostics, FileId, Sources, Span, codes},
    yaml::{self, Node},
};

/// The files of one connector, read already.
#[derive(Debug)]
pub struct ConnectorFiles {
    /// The name of the directory, which is the connector's id.
    pub directory: String,
    /// `connector.yaml`
    pub connector: FileId,
    /// `tests.yaml`, if there is one.
    pub tests: Option<FileId>,
    /// The text of `logo.svg`, if there is one.
    pub logo: Option<String>,
}

/// A file of `_accounts`, read already.
#[derive(Debug)]
pub struct AccountFile {
    /// The file's name without `.yaml`, which is the account's id.
    pub stem: String,
    /// The file.
    pub file: FileId,
}

/// The accounts that connectors may share.
#[derive(Debug, Default)]
pub(crate) struct Accounts(IndexMap<String, Arc<Account>>);

impl Accounts {
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Account>> {
        self.0.get(id)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Checks and compiles connectors.
///
/// Everything wrong goes to `diagnostics`. A connector with an error is left out, and so is one whose account has an error;
/// the others are not touched by that.
pub fn load(
    files: &[ConnectorFiles],
    accounts: &[AccountFile],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<Arc<Connector>> {
    load_by(accounts, sources, diagnostics, |examine| files.iter().map(examine).collect())
}

/// The same, `by` somebody who examines the files of each, on several threads if there are many, and gives what came of them in
/// their order.
pub fn load_by(
    accounts: &[AccountFile],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
    by: impl FnOnce(&(dyn Fn(&ConnectorFiles) -> Examined + Sync)) -> Vec<Examined>,
) -> Vec<Arc<Connector>> {
    let mut shared = Accounts::default();
    let mut broken = Vec::new();
    for file in accounts {
        let mut own = Diagnostics::default();
        let account = load_account(file, sources, &mut own);
        if own.has_errors() || account.is_none() {
            broken.push(file.stem.clone());
        }
        // One with a mistake is kept: what refers to it is right all the same.
        shared.0.extend(account.map(|it| (file.stem.clone(), Arc::new(it))));
        diagnostics.append(own);
    }
    let account_of = |id: &str| accounts.iter().find(|it| it.stem == id).map(|it| it.file);
    let examined = by(&|files| examine(files, &shared, &account_of, sources));
    let mut ids = HashMap::new();
    let mut connectors = Vec::with_capacity(examined.len());
    for Examined { id, connector, diagnostics: mut own } in examined {
        id.into_iter().for_each(|(id, span)| refuse_second(id, span, &mut ids, &mut own));
        let failed = own.has_errors();
        diagnostics.append(own);
        let Some(connector) = connector.filter(|_| !failed) else { continue };
        let uses = |id: &String| shared.get(id).is_some_and(|it| Arc::ptr_eq(it, &connector.account));
        if !broken.iter().any(uses) {
            connectors.push(Arc::new(connector));
        }
    }
    connectors
}

/// What came of the files of one connector, when they were looked at by themselves.
#[derive(Debug)]
pub struct Examined {
    /// Its id as it is written, and where.
    id: Option<(String, Span)>,
    connector: Option<Connector>,
    diagnostics: Diagnostics,
}

impl Examined {
    /// The connector, if nothing is wrong with it.
    pub fn connector(&self) -> Option<&Connector> {
        self.connector.as_ref().filter(|_| !self.diagnostics.has_errors())
    }

    /// Lets go of what the connector does until somebody looks at it, and of its author's cases for good. These are its `files`.
    #[must_use]
    pub fn folded(mut self, files: &ConnectorFiles, sources: &Sources) -> Self {
        if let Some(connector) = &mut self.connector {
            connector.fold(files, sources);
        }
        self
    }
}

fn examine(
    files: &ConnectorFiles,
    accounts: &Accounts,
    account_of: &dyn Fn(&str) -> Option<FileId>,
    sources: &Sources,
) -> Examined {
    let mut diagnostics = Diagnostics::default();
    let node = yaml::parse(sources, files.connector, &mut diagnostics);
    let id = node.as_ref().and_then(|it| it.get("id")).and_then(|it| Some((it.as_text()?.to_owned(), it.span)));
    let mut connector = node.and_then(|it| load_connector(files, &it, accounts, sources, &mut diagnostics));
    if let Some(connector) = &mut connector {
        connector.digest = digest(files, account_of(&connector.account.id), sources);
    }
    Examined { id, connector, diagnostics }
}

/// A connector of files that were found right, with the account that it had then.
pub(super) fn compiled(files: &ConnectorFiles, account: &Arc<Account>, sources: &Sources) -> Option<Connector> {
    let mut diagnostics = Diagnostics::default();
    let node = yaml::parse(sources, files.connector, &mut diagnostics)?;
    let accounts = Accounts(IndexMap::from([(account.id.clone(), Arc::clone(account))]));
    lowered(files, &node, &accounts, sources, &mut diagnostics).map(|(connector, _)| finished(connector))
}

/// Of what decides how a connector behaves: its own file and its account's; how long each is, and what it holds.
fn digest(files: &ConnectorFiles, account: Option<FileId>, sources: &Sources) -> String {
    let text = |file: FileId| sources.get(file).text.as_str();
    let all = [Some(text(files.connector)), account.map(text)];
    let mut context = digest::Context::new(&digest::SHA256);
    for file in all {
        context.update(&file.map_or(u64::MAX, |it| it.len() as u64).to_be_bytes());
        context.update(file.unwrap_or_default().as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// An id that another connector has already, as after copying a directory.
fn refuse_second(id: String, span: Span, ids: &mut HashMap<String, Span>, diagnostics: &mut Diagnostics) {
    if let Some(first) = ids.get(&id) {
        diagnostics.push(
            Diagnostic::error(codes::DUPLICATE_ID, span, format!("there is another connector `{id}`"))
                .note(*first, "the first one is here"),
        );
    } else {
        ids.insert(id, span);
    }
}

fn load_account(file: &AccountFile, sources: &Sources, diagnostics: &mut Diagnostics) -> Option<Account> {
    let node = yaml::parse(sources, file.file, diagnostics)?;
    let mut lower = Lower::new(sources, diagnostics);
    let mut account = lower.account_file(&node, &file.stem)?;
    let mut facts = lower.facts;
    let sign_in = hosts::of_sign_in(&account);
    hosts::allow(&mut account.http, sign_in.into_iter().chain(std::mem::take(&mut facts.hosts)));
    check::account(&account, &facts, diagnostics);
    Some(account)
}

fn load_connector(
    files: &ConnectorFiles,
    node: &Node,
    accounts: &Accounts,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Connector> {
    let (mut connector, facts) = lowered(files, node, accounts, sources, diagnostics)?;
    connector.brand.logo.clone_from(&files.logo);
    connector.source_bytes =
        [Some(files.connector), files.tests].into_iter().flatten().map(|it| sources.get(it).text.len()).sum();
    let shared = accounts.get(&connector.account.id);
    let own_account = shared.is_none_or(|it| !Arc::ptr_eq(it, &connector.account));
    check::connector(&connector, own_account, &facts, diagnostics);
    Some(finished(connector))
}

/// A connector as its files say, and what is to be checked of it.
fn lowered(
    files: &ConnectorFiles,
    node: &Node,
    accounts: &Accounts,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<(Connector, Facts)> {
    let mut lower = Lower::new(sources, diagnostics);
    let mut connector = lower.connector(node, &files.directory, accounts);
    load_tests(files, node, connector.as_mut(), &mut lower);
    Some((connector?, lower.facts))
}

/// A connector with what is found out by looking at all of it.
fn finished(mut connector: Connector) -> Connector {
    note_reads(&mut connector);
    reads::note(&mut connector);
    connector
}

/// What actions with an object read beside the record.
fn note_reads(connector: &mut Connector) {
    for at in 0..connector.actions.len() {
        if connector.actions[at].plan.object.is_none() {
            continue;
        }
        let reads = check::inputs_read(connector, &connector.actions[at]);
        if let Some(object) = &mut connector.contents().actions[at].plan.object {
            object.reads = reads;
        }
    }
}

/// `tests.yaml`, into the connector as far as there is one.
fn load_tests(files: &ConnectorFiles, node: &Node, connector: Option<&mut Connector>, lower: &mut Lower<'_>) {
    let file = match files.tests {
        None => None,
        Some(file) => match yaml::parse(lower.sources, file, lower.diagnostics) {
            Some(tests) => Some(tests),
            None => return,
        },
    };
    let lowered = connector.as_deref();
    let tested = Tested {
        connector: node,
        sign_in: lowered.map(|it| it.account.fields.iter().map(|(name, _)| name).collect()),
        identifies: lowered.is_none_or(|it| it.after_connect.is_some()),
        lowered,
    };
    let tests = lower.tests(file.as_ref(), &tested);
    if let Some(connector) = connector {
        file.iter().for_each(|it| connector.note_sandbox(it));
        let contents = connector.contents();
        contents.cases = tests.cases;
        contents.sandbox = tests.sandbox;
        contents.sandbox_connection = tests.sandbox_connection;
        contents.sandbox_events = tests.sandbox_events;
    }
}
