//! Between paths, bytes and our words, and those of the protocol.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
};

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, DocumentSymbol, Documentation, MarkupContent, MarkupKind,
    Position, TextEdit, Uri,
};

use crate::editor::{self, Item, ItemKind, Lines, Symbol, SymbolKind};

/// The path of a file; `None` of anything else.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    url::Url::parse(uri.as_str()).ok()?.to_file_path().ok()
}

/// The URI of an absolute path.
pub(super) fn uri(path: &Path) -> Option<Uri> {
    Uri::from_str(url::Url::from_file_path(path).ok()?.as_str()).ok()
}

pub(super) fn byte(lines: &Lines, text: &str, position: Position) -> usize {
    lines.byte(text, editor::Position { line: position.line, character: position.character })
}

pub(super) fn range(lines: &Lines, text: &str, bytes: Range<usize>) -> lsp_types::Range {
    let place = |byte| {
        let editor::Position { line, character } = lines.position(text, byte);
        Position { line, character }
    };
    lsp_types::Range { start: place(bytes.start), end: place(bytes.end) }
}

pub(super) fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// A completion; `order` is how far up it stands among the others.
pub(super) fn item(lines: &Lines, text: &str, order: usize, item: Item) -> CompletionItem {
    let kind = match item.kind {
        ItemKind::Key => CompletionItemKind::PROPERTY,
        ItemKind::Word => CompletionItemKind::ENUM_MEMBER,
        ItemKind::Root => CompletionItemKind::VARIABLE,
        ItemKind::Field => CompletionItemKind::FIELD,
        ItemKind::Reference => CompletionItemKind::REFERENCE,
        ItemKind::Function => CompletionItemKind::FUNCTION,
    };
    let edit = TextEdit { range: range(lines, text, item.replace), new_text: item.insert };
    CompletionItem {
        label: item.label,
        kind: Some(kind),
        detail: (!item.detail.is_empty()).then_some(item.detail),
        documentation: (!item.doc.is_empty()).then(|| Documentation::MarkupContent(markdown(item.doc))),
        sort_text: Some(format!("{order:04}")),
        text_edit: Some(CompletionTextEdit::Edit(edit)),
        ..CompletionItem::default()
    }
}

#[allow(deprecated, reason = "the protocol's type has a field that is no longer used, and no other way to be made")]
pub(super) fn symbol(lines: &Lines, text: &str, symbol: Symbol) -> DocumentSymbol {
    let kind = match symbol.kind {
        SymbolKind::Section => lsp_types::SymbolKind::NAMESPACE,
        SymbolKind::Action => lsp_types::SymbolKind::FUNCTION,
        SymbolKind::Step => lsp_types::SymbolKind::OBJECT,
        SymbolKind::Event => lsp_types::SymbolKind::EVENT,
        SymbolKind::Field => lsp_types::SymbolKind::FIELD,
        SymbolKind::Case => lsp_types::SymbolKind::METHOD,
    };
    let children: Vec<_> = symbol.children.into_iter().map(|it| self::symbol(lines, text, it)).collect();
    DocumentSymbol {
        // The protocol wants a name, and one that is being typed may be empty.
        name: if symbol.name.trim().is_empty() { "…".to_owned() } else { symbol.name },
        detail: (!symbol.detail.is_empty()).then_some(symbol.detail),
        kind,
        tags: None,
        deprecated: None,
        range: range(lines, text, symbol.range),
        selection_range: range(lines, text, symbol.selection),
        children: (!children.is_empty()).then_some(children),
    }
}
