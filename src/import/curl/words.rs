//! A command as somebody pasted it → its words: quotes, continued lines, `$'…'`, the carets of Windows.

use crate::import::Refusal;

/// The words, without quotes.
pub(super) fn split(command: &str) -> Result<Vec<String>, Refusal> {
    let command = command.trim().trim_start_matches("$ ");
    let command = if is_windows(command) { without_carets(command) } else { ansi_quotes(command) };
    shlex::split(&command).ok_or_else(|| Refusal::new("the command can't be read: a quote is never closed"))
}

/// Whether lines end, or quotes begin, with the caret of the Windows shell.
fn is_windows(command: &str) -> bool {
    command.contains("^\n") || command.contains("^\r\n") || command.contains(" ^\"")
}

/// What follows a caret is itself; a line that ends with one goes on.
fn without_carets(command: &str) -> String {
    let mut out = String::with_capacity(command.len());
    let mut rest = command.chars();
    while let Some(it) = rest.next() {
        if it != '^' {
            out.push(it);
            continue;
        }
        match rest.next() {
            Some('\r') => {
                rest.next();
            }
            Some('\n') | None => {}
            Some(other) => out.push(other),
        }
    }
    out
}

/// `$'it\'s'` → `'it'"'"'s'`: what the shell would make of it, in quotes that are split as quotes.
fn ansi_quotes(command: &str) -> String {
    let mut out = String::with_capacity(command.len());
    let mut rest = command.chars().peekable();
    let mut quote = None;
    while let Some(it) = rest.next() {
        match (quote, it) {
            (None, '$') if rest.peek() == Some(&'\'') => {
                rest.next();
                let text = ansi_text(&mut rest);
                out.push_str(&format!("'{}'", text.replace('\'', "'\"'\"'")));
            }
            (None | Some('"'), '\\') => match rest.next() {
                // the line goes on
                Some('\n') => out.extend(quote.is_none().then_some(' ')),
                Some('\r') if rest.peek() == Some(&'\n') => {
                    rest.next();
                    out.extend(quote.is_none().then_some(' '));
                }
                next => {
                    out.push(it);
                    out.extend(next);
                }
            },
            (None, '\'' | '"') => {
                quote = Some(it);
                out.push(it);
            }
            (Some(open), it) => {
                if it == open {
                    quote = None;
                }
                out.push(it);
            }
            (None, it) => out.push(it),
        }
    }
    out
}

/// Up to the closing quote, with its escapes.
fn ansi_text(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(it) = rest.next() {
        match it {
            '\'' => return text,
            '\\' => match rest.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('x') => text.extend(code(rest, 2)),
                Some('u') => text.extend(code(rest, 4)),
                Some(other) => text.push(other),
                None => {}
            },
            it => text.push(it),
        }
    }
    text
}

/// A character by its number in hexadecimal.
fn code(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, most: usize) -> Option<char> {
    let mut digits = String::new();
    while digits.len() < most && rest.peek().is_some_and(char::is_ascii_hexdigit) {
        digits.extend(rest.next());
    }
    u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_the_shell_would_pass_on() {
        for (command, expected) in [
            ("curl 'a b' \"c \\\"d\\\"\" e\\ f", vec!["curl", "a b", "c \"d\"", "e f"]),
            ("curl \\\n  -H 'A: b' \\\n  https://x.example", vec!["curl", "-H", "A: b", "https://x.example"]),
            ("curl -d $'it\\'s\\n\\u0041'", vec!["curl", "-d", "it's\nA"]),
            ("curl -d '$'\\''x'", vec!["curl", "-d", "$'x"]),
            (
                "curl ^\"https://x.example/?a=1^&b=2^\" ^\r\n  -H ^\"A: b^\"",
                vec!["curl", "https://x.example/?a=1&b=2", "-H", "A: b"],
            ),
        ] {
            assert_eq!(split(command).expect(command), expected, "{command}");
        }
        assert!(split("curl 'a").is_err());
    }
}
