//! What is asked, and what is answered.

use std::{io::Write, path::Path};

use lsp_server::ErrorCode;
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionOrCommand, CodeActionParams, CodeActionProviderCapability,
    CompletionList, CompletionOptions, CompletionParams, DocumentChanges, DocumentSymbolParams, DocumentSymbolResponse,
    GotoDefinitionParams, Hover, HoverContents, HoverParams, HoverProviderCapability, InitializeResult, Location,
    OneOf, OptionalVersionedTextDocumentIdentifier, PositionEncodingKind, ServerCapabilities, ServerInfo,
    TextDocumentEdit, TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TextEdit, Uri, WorkspaceEdit,
    request::{CodeActionRequest, Completion, DocumentSymbolRequest, GotoDefinition, HoverRequest, Request},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{
    convert,
    mistakes::{self, Change},
    server::Server,
};
use crate::editor::{self, Project};

/// A result, or why there is none.
type Answer = Result<Json, (ErrorCode, String)>;

/// What the server can do.
pub(super) fn capabilities() -> Json {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(lsp_types::TextDocumentSyncSaveOptions::Supported(true)),
        ..TextDocumentSyncOptions::default()
    };
    let triggers = [".", "|", "{", ":", " "];
    let capabilities = ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(triggers.iter().map(|it| (*it).to_owned()).collect()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    };
    let info = ServerInfo { name: "closeloop".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
    json(InitializeResult { capabilities, server_info: Some(info) })
}

pub(super) fn answer<W: Write>(server: &mut Server<W>, method: &str, params: Json) -> Answer {
    match method {
        Completion::METHOD => read(params).map(|it| completion(server, &it)),
        HoverRequest::METHOD => read(params).map(|it| hover(server, &it)),
        GotoDefinition::METHOD => read(params).map(|it| definition(server, &it)),
        DocumentSymbolRequest::METHOD => read(params).map(|it| symbols(server, &it)),
        CodeActionRequest::METHOD => read(params).map(|it| actions(server, &it)),
        _ => Err((ErrorCode::MethodNotFound, format!("there is no `{method}`"))),
    }
}

fn read<P: DeserializeOwned>(params: Json) -> Result<P, (ErrorCode, String)> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn json(it: impl Serialize) -> Json {
    serde_json::to_value(it).unwrap_or_default()
}

/// The file that is asked about, with those around it, and the byte.
fn asked<W>(server: &Server<W>, at: &TextDocumentPositionParams) -> Option<(Project, usize)> {
    let project = server.texts.project(&convert::path(&at.text_document.uri)?)?;
    let byte = convert::byte(&project.file.lines, &project.file.text, at.position);
    Some((project, byte))
}

fn completion<W>(server: &Server<W>, it: &CompletionParams) -> Json {
    let Some((project, byte)) = asked(server, &it.text_document_position) else { return Json::Null };
    let file = &project.file;
    let items = editor::complete(&project, byte).into_iter().enumerate();
    let items = items.map(|(order, it)| convert::item(&file.lines, &file.text, order, it)).collect();
    json(CompletionList { is_incomplete: false, items })
}

fn hover<W: Write>(server: &mut Server<W>, it: &HoverParams) -> Json {
    let at = &it.text_document_position_params;
    let Some((project, byte)) = asked(server, at) else { return Json::Null };
    let file = &project.file;
    let found = editor::hover(&project, byte);
    let range = found.as_ref().map(|it| convert::range(&file.lines, &file.text, it.range.clone()));
    let mut said: Vec<_> = found.into_iter().map(|it| it.text).collect();
    said.extend(mistakes::explained(&server.mistakes(&file.path), at.position));
    if said.is_empty() {
        return Json::Null;
    }
    json(Hover { contents: HoverContents::Markup(convert::markdown(said.join("\n\n---\n\n"))), range })
}

fn definition<W>(server: &Server<W>, it: &GotoDefinitionParams) -> Json {
    let Some((project, byte)) = asked(server, &it.text_document_position_params) else { return Json::Null };
    let Some(target) = editor::definition(&project, byte) else { return Json::Null };
    let file = std::iter::once(&project.file).chain(&project.others).find(|it| it.path == target.path);
    let range = file.map(|it| convert::range(&it.lines, &it.text, target.range)).unwrap_or_default();
    convert::uri(&target.path).map(|uri| json(Location { uri, range })).unwrap_or_default()
}

fn symbols<W>(server: &Server<W>, it: &DocumentSymbolParams) -> Json {
    let project = convert::path(&it.text_document.uri).and_then(|it| server.texts.project(&it));
    let Some(Project { file, .. }) = project else { return Json::Null };
    let symbols = editor::symbols(&file).into_iter().map(|it| convert::symbol(&file.lines, &file.text, it));
    json(DocumentSymbolResponse::Nested(symbols.collect()))
}

/// The edit of each mistake in the range; and where somebody asks for it, all edits of the file that are certain.
fn actions<W: Write>(server: &mut Server<W>, it: &CodeActionParams) -> Json {
    let Some(path) = convert::path(&it.text_document.uri) else { return Json::Null };
    let mistakes = server.mistakes(&path);
    let wanted = |kind: &CodeActionKind| {
        let only = it.context.only.as_ref();
        only.is_none_or(|it| it.iter().any(|it| kind.as_str().starts_with(it.as_str())))
    };
    let mut actions = Vec::new();
    if wanted(&CodeActionKind::QUICKFIX) {
        for mistake in &mistakes {
            let Some(fix) = &mistake.fix else { continue };
            let (range, edit) = (mistake.shown.range, fix.edit.range);
            let touches = |range: lsp_types::Range| range.start <= it.range.end && it.range.start <= range.end;
            if touches(range) || touches(edit) {
                actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                    title: fix.title.clone(),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![mistake.shown.clone()]),
                    edit: Some(edit_of(server, &path, &it.text_document.uri, vec![fix.edit.clone()])),
                    is_preferred: Some(fix.certain),
                    ..CodeAction::default()
                }));
            }
        }
    }
    let asked_for = it.context.only.is_some() && wanted(&CodeActionKind::SOURCE_FIX_ALL);
    let all = apart(mistakes.iter().filter_map(|it| it.fix.as_ref()).filter(|it| it.certain));
    if asked_for && !all.is_empty() {
        actions.push(CodeActionOrCommand::CodeAction(CodeAction {
            title: "make every edit that is certain".to_owned(),
            kind: Some(CodeActionKind::SOURCE_FIX_ALL),
            edit: Some(edit_of(server, &path, &it.text_document.uri, all)),
            ..CodeAction::default()
        }));
    }
    json(actions)
}

/// Edits that don't touch each other.
fn apart<'a>(fixes: impl Iterator<Item = &'a Change>) -> Vec<TextEdit> {
    let mut edits: Vec<TextEdit> = fixes.map(|it| it.edit.clone()).collect();
    edits.sort_by_key(|it| (it.range.start, it.range.end));
    let mut end = None;
    edits.retain(|it| {
        let is_apart = end.is_none_or(|end| it.range.start >= end) && end != Some(it.range.end);
        end = if is_apart { Some(it.range.end) } else { end };
        is_apart
    });
    edits
}

fn edit_of<W>(server: &Server<W>, path: &Path, uri: &Uri, edits: Vec<TextEdit>) -> WorkspaceEdit {
    let version = server.texts.version(path);
    let edit = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier { uri: uri.clone(), version },
        edits: edits.into_iter().map(OneOf::Left).collect(),
    };
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(vec![edit])), ..WorkspaceEdit::default() }
}
