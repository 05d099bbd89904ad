//! The parser's complaints in an author's words.

use granit_parser::ErrorKind;

use crate::diag::{Diagnostic, FileId, Fix, Span, codes};

/// The diagnostic for a syntax error at byte `at`; `open` are the brackets that are still open, the innermost last.
pub(super) fn explain(file: FileId, text: &str, kind: &ErrorKind, at: usize, open: &[Span]) -> Diagnostic {
    use ErrorKind as E;
    let place = Place::new(file, text, at);
    if let Some(start) = place.placeholder() {
        let is_inside = open.iter().any(|it| it.start < start) || opens_before(text, start);
        return unquoted_placeholder(file, text, start, is_inside);
    }
    match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => place.tab(),
        E::RecursionLimitExceeded => too_deep(place.here()),
        E::UnclosedQuotedScalar => place
            .error("this quote is never closed")
            .help("close it at the end of the text; a quote inside quotes is written '' or \\\""),
        E::InvalidTrailingSingleQuotedScalar => place.after_quote("a quote inside single quotes is doubled: 'it''s'"),
        E::InvalidTrailingDoubleQuotedScalar => place.after_quote("put the quotes around the whole value"),
        E::UnknownQuotedScalarEscape => place.unknown_escape(),
        E::MisplacedFlowCollectionEnd => place.error(format!("this `{}` closes nothing", place.rest_char())),
        E::MismatchedFlowCollectionEnd { open, close } => place.error(format!("`{open}` is closed by `{close}`")),
        E::UnexpectedCharacter { .. } | E::PlainScalarStartsWithDashFlowIndicator => place.needs_quotes(),
        E::UnexpectedEofBlockMapping if place.rest().starts_with([',', '?']) => place.needs_quotes(),
        E::BlockSequenceEntryNotAllowed if place.rest().trim_end() == "-" => place.needs_quotes(),
        E::BlockSequenceEntryNotAllowed => place
            .error("a list can't begin on the line of its key")
            .help("begin it on the next line, or write it as `[a, b]`"),
        E::CommentInterceptedScalar => place.error("a comment can't stand between the lines of a text").help(
            "if the lines are one text, remove the comment; if the next line is a key, indent it like its neighbours",
        ),
        E::InvalidBlockScalarHeader => place
            .error("the text of a block begins on the line after `|` or `>`")
            .help("move what follows to the next line, indented"),
        E::DirectiveDisallowed => place.error("directives (`%…`) are not used in connectors").help("remove the line"),
        E::MappingValueNotAllowed => place.colon(),
        _ => match open.last() {
            Some(bracket) => place.in_brackets(*bracket),
            None => place.structure(kind),
        },
    }
}

/// Nested deeper than is allowed.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(codes::TOO_DEEP, span, "nested more than 64 levels deep").label("the 65th level begins here")
}

/// `{{ … }}` without quotes, beginning at byte `start`; `is_inside` says that it stands in a list or mapping in brackets, where
/// a value ends at a comma or a bracket.
pub(super) fn unquoted_placeholder(file: FileId, text: &str, start: usize, is_inside: bool) -> Diagnostic {
    let line = text[start..].lines().next().unwrap_or_default();
    let end = line.find("}}").map_or(line.len(), |it| it + 2);
    let length = if is_inside { inside_brackets(line) } else { until_comment(line) };
    let value = line[..length].trim_end();
    let fix = Fix::replace(Span::new(file, start, start + value.len()), quoted(value), "put the value in quotes");
    let is_whole = line.contains("}}") && if is_inside { value.len() == end } else { !goes_on(text, start) };
    Diagnostic::error(
        codes::UNQUOTED_PLACEHOLDER,
        Span::new(file, start, start + end),
        "a value that begins with `{{` must be quoted",
    )
    .label("YAML reads this as a mapping")
    .help(format!("write {}", quoted(value)))
    .fix(if is_whole { fix } else { fix.guess() })
}

/// Whether a bracket is open on the line of byte `at`, before it.
fn opens_before(text: &str, at: usize) -> bool {
    let before = text[..at].rsplit('\n').next().unwrap_or_default();
    let (mut open, mut quote) = (0_usize, None);
    for it in before.chars() {
        match (quote, it) {
            (Some(own), _) => quote = Some(own).filter(|own| *own != it),
            (None, '"' | '\'') => quote = Some(it),
            (None, '{' | '[') => open += 1,
            (None, '}' | ']') => open = open.saturating_sub(1),
            (None, _) => {}
        }
    }
    open > 0
}

/// How long a value that begins with a placeholder is inside brackets: up to a comma or bracket that is no placeholder's.
fn inside_brackets(line: &str) -> usize {
    let mut at = 0;
    while let Some(it) = line[at..].chars().next() {
        if line[at..].starts_with("{{") {
            at = line[at..].find("}}").map_or(line.len(), |end| at + end + 2);
        } else if matches!(it, ',' | '}' | ']') {
            return at;
        } else {
            at += it.len_utf8();
        }
    }
    at
}

/// How much of a line is no comment, as far as it isn't a placeholder's.
fn until_comment(line: &str) -> usize {
    let last = line.rfind("}}").unwrap_or(0);
    line[last..].find(" #").map_or(line.len(), |it| last + it)
}

/// Whether the line after the one of byte `at` belongs to its value: it is indented more.
fn goes_on(text: &str, at: usize) -> bool {
    let indentation = |it: &str| it.len() - it.trim_start().len();
    let own = text[..at].rsplit('\n').next().unwrap_or_default();
    let mut after = text[at..].lines().skip(1).filter(|it| !it.trim().is_empty());
    // A placeholder on a line of its own is indented like what goes on with it.
    let is_alone = own.trim().is_empty();
    after.next().is_some_and(|it| {
        !it.trim_start().starts_with('#')
            && (indentation(it) > indentation(own) || is_alone && indentation(it) == own.len())
    })
}

/// The value in the quotes that need no escapes in it.
fn quoted(value: &str) -> String {
    if value.contains(['"', '\\']) { format!("'{}'", value.replace('\'', "''")) } else { format!("\"{value}\"") }
}

fn first_byte(span: Span) -> Span {
    Span::new(span.file, span.start, span.start + 1)
}

/// Where the parser gave up.
struct Place<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    line_start: usize,
}

impl<'a> Place<'a> {
    fn new(file: FileId, text: &'a str, at: usize) -> Self {
        let at = text.floor_char_boundary(at);
        Self { file, text, at, line_start: text[..at].rfind('\n').map_or(0, |it| it + 1) }
    }

    /// The line up to the place.
    fn before(&self) -> &'a str {
        &self.text[self.line_start..self.at]
    }

    /// The line from the place on.
    fn rest(&self) -> &'a str {
        self.text[self.at..].lines().next().unwrap_or_default()
    }

    fn rest_char(&self) -> char {
        self.text[self.at..].chars().next().unwrap_or(' ')
    }

    /// Where, before the place, a value of this line begins with `{{`: then that is the mistake.
    fn placeholder(&self) -> Option<usize> {
        let before = self.before();
        let start = before.find("{{")?;
        let begins_value = before[..start].trim_end().ends_with([':', '-', '[', ',']);
        let is_quoted = before[..start].matches(['"', '\'']).count() % 2 == 1;
        (begins_value && !is_quoted).then_some(self.line_start + start)
    }

    /// The last line before this one that holds anything but a comment.
    fn previous_line(&self) -> &'a str {
        let mut lines = self.text[..self.line_start].lines().rev().map(str::trim);
        lines.find(|it| !it.is_empty() && !it.starts_with('#')).unwrap_or_default()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    /// The character at the place.
    fn here(&self) -> Span {
        self.span(self.at, self.at + self.text[self.at..].chars().next().map_or(0, char::len_utf8))
    }

    /// From the place to the end of the line.
    fn to_end(&self) -> Span {
        self.span(self.at, self.at + self.rest().trim_end().len())
    }

    fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(codes::SYNTAX, self.here(), message)
    }

    fn tab(&self) -> Diagnostic {
        let line = self.text[self.line_start..].lines().next().unwrap_or_default();
        let indentation = &line[..line.len() - line.trim_start().len()];
        let Some(tab) = indentation.find('\t') else {
            return self.error("a tab can't stand here").help("use spaces");
        };
        let start = self.line_start + tab;
        let tabs = indentation[tab..].len() - indentation[tab..].trim_start_matches('\t').len();
        Diagnostic::error(codes::TAB, self.span(start, start + tabs), "a tab is used as indentation")
            .label("tab")
            .help("use spaces: two for each level")
            .fix(self.untab())
    }

    /// Two spaces for each tab that a line begins with, from this line to the last one that does: whoever indents by tabs
    /// does it everywhere.
    fn untab(&self) -> Fix {
        let (mut at, mut end) = (self.line_start, self.line_start);
        let (mut untabbed, mut kept) = (String::new(), 0);
        for line in self.text[self.line_start..].split_inclusive('\n') {
            let (indentation, rest) = line.split_at(line.len() - line.trim_start_matches([' ', '\t']).len());
            untabbed.push_str(&indentation.replace('\t', "  "));
            if indentation.contains('\t') {
                (end, kept) = (at + indentation.len(), untabbed.len());
            }
            untabbed.push_str(rest);
            at += line.len();
        }
        untabbed.truncate(kept);
        let fix = Fix::replace(self.span(self.line_start, end), untabbed, "write two spaces for each tab");
        // Beside spaces nobody knows how wide a tab was meant to be.
        let by_tabs = |line: &str| {
            let indentation = &line[..line.len() - line.trim_start().len()];
            !indentation.contains(' ')
        };
        if self.text.lines().all(by_tabs) { fix } else { fix.guess() }
    }

    fn after_quote(&self, help: &str) -> Diagnostic {
        Diagnostic::error(codes::SYNTAX, self.to_end(), "text after the closing quote").help(help)
    }

    fn needs_quotes(&self) -> Diagnostic {
        let value = quoted(self.rest().trim_end());
        Diagnostic::error(codes::SYNTAX, self.to_end(), format!("a value can't begin with `{}`", self.rest_char()))
            .help(format!("put the value in quotes: {value}"))
            .fix(Fix::replace(self.to_end(), value, "put the value in quotes").guess())
    }

    /// The parser tells the scalar; the escape is somewhere in it.
    fn unknown_escape(&self) -> Diagnostic {
        let mut characters = self.text[self.at..].char_indices();
        while let Some((offset, it)) = characters.next() {
            if it != '\\' {
                continue;
            }
            let Some((_, code)) = characters.next() else { break };
            if !"0abtnvfre \"/\\N_LPxuU\t\n\r".contains(code) {
                let start = self.at + offset;
                let span = self.span(start, start + 1 + code.len_utf8());
                return Diagnostic::error(codes::SYNTAX, span, format!("`\\{code}` is not an escape"))
                    .help("write `\\\\` for a backslash, or use single quotes, in which nothing is escaped");
            }
        }
        self.error("this text has an escape that does not exist")
    }

    /// A `:` where no key can be.
    fn colon(&self) -> Diagnostic {
        let before = self.before();
        if let Some((key, value)) = before.split_once(": ") {
            let start = self.line_start + key.len() + 2 + (value.len() - value.trim_start().len());
            let value = self.text[start..].lines().next().unwrap_or_default().trim_end();
            let key = key.trim_start().trim_start_matches("- ");
            return Diagnostic::error(
                codes::SYNTAX,
                self.span(start, start + value.len()),
                format!("the value of `{key}` has a `: ` in it"),
            )
            .label("YAML reads a key here")
            .help(format!("put the value in quotes: {}", quoted(value)))
            .fix(
                Fix::replace(self.span(start, start + value.len()), quoted(value), "put the value in quotes").guess(),
            );
        }
        let (name, above) = (before.trim_start(), self.previous_line());
        let start = self.line_start + before.len() - name.len();
        let error = |message: String| Diagnostic::error(codes::SYNTAX, self.span(start, self.at), message);
        match above.split_once(':') {
            Some((_, value)) if value.starts_with(' ') => {
                error(format!("the key `{name}` can't stand under a line that has a value"))
                    .help("indent it like the line above, or move that line's value")
            }
            Some((key, _)) if !key.is_empty() && !above.ends_with(':') => {
                error(format!("the line above `{name}` is no key with a value"))
                    .help(format!("put a space after the colon: `{key}: …`"))
            }
            _ => error(format!("the line above `{name}` is text, where a key is expected"))
                .help("write `key: value`, or indent the lines of a text under its key"),
        }
    }

    /// Something is wrong inside brackets, most often that they are never closed.
    fn in_brackets(&self, bracket: Span) -> Diagnostic {
        let (open, close) = if self.text[bracket.start..].starts_with('[') { ('[', ']') } else { ('{', '}') };
        let is_broken_off = self.at <= bracket.start || self.text[self.at..].trim().is_empty();
        if let Some(diagnostic) = self.swallowed(bracket, close) {
            return diagnostic;
        }
        if is_broken_off {
            return Diagnostic::error(codes::SYNTAX, first_byte(bracket), format!("this `{open}` is never closed"))
                .help(format!("add the `{close}`"));
        }
        if self.text[bracket.start..self.at].contains('\n') {
            return Diagnostic::error(codes::SYNTAX, first_byte(bracket), format!("this `{open}` is never closed"))
                .note(self.here(), format!("expected `,` or `{close}` before this"))
                .help(format!("add the `{close}`"));
        }
        self.error(format!("expected `,` or `{close}`"))
            .note(first_byte(bracket), "inside this")
            .help("a text with `[`, `]`, `{`, `}`, `,` or `: ` in it needs quotes here")
    }

    /// A `#` that begins a comment, which swallows the closing bracket: a colour, most often.
    fn swallowed(&self, bracket: Span, close: char) -> Option<Diagnostic> {
        let line = self.text[bracket.start..].lines().next()?;
        let at = line
            .find(" #")
            .filter(|it| line[*it..].contains(close) && line[..*it].matches(['"', '\'']).count() % 2 == 0)?;
        let rest = line[at + 1..].split([',', close]).next()?.trim_end();
        // Words are what a comment has.
        if rest.len() < 2 || rest.contains(' ') {
            return None;
        }
        let start = bracket.start + at + 1;
        let span = self.span(start, start + rest.len());
        let diagnostic = Diagnostic::error(codes::SYNTAX, span, "`#` after a blank begins a comment")
            .note(first_byte(bracket), format!("so the `{close}` for this is part of it"));
        let fix = Fix::replace(span, quoted(rest), "put the value in quotes").guess();
        Some(diagnostic.help(format!("put the value in quotes: {}", quoted(rest))).fix(fix))
    }

    /// The line doesn't fit to those above it.
    fn structure(&self, kind: &ErrorKind) -> Diagnostic {
        let before = self.before().trim();
        let above = self.previous_line();
        let whole = || Diagnostic::error(codes::SYNTAX, self.to_end(), String::new());
        let error = |message: &str| Diagnostic { message: message.to_owned(), ..whole() };
        if above.ends_with(['|', '>']) && before.is_empty() {
            return error("the text of a block must be indented more than its key").help("indent it by two spaces");
        }
        match kind {
            ErrorKind::ExpectedBlockMappingKey if before == "-" => error("a list entry stands where a key is expected")
                .help("indent the list under the key that it belongs to"),
            ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation if before.is_empty() => {
                error("this line is indented like none of the lines above it")
                    .help("give the keys of one mapping the same indentation")
            }
            ErrorKind::ExpectedBlockSequenceEntry => error("a key stands where a list entry is expected")
                .help("begin it with `- `, or indent it differently"),
            ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
                error("expected `key: value`").help("a key is followed by a colon and a space")
            }
            ErrorKind::ExpectedBlockMappingKey => error("text after the end of the value"),
            _ => self.error(kind.to_string()),
        }
    }
}
