//! Writing: TEXT values (RFC 5545 §3.3.11) and folded lines (§3.1).

use super::line::unfold;

/// Octets in a line, without its end.
const MAX_LINE: usize = 75;

/// Escapes a TEXT value. Every line end becomes `\n`, so that nothing in it can begin a line of its own; other control
/// characters, which the format can't hold, are left out.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' | ';' | ',' => escaped.extend(['\\', char]),
            '\n' => escaped.push_str("\\n"),
            '\r' => {
                chars.next_if_eq(&'\n');
                escaped.push_str("\\n");
            }
            '\t' => escaped.push('\t'),
            control if control.is_ascii_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// Undoes [`escape`]. A backslash before any other character stays.
pub fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match chars.next() {
            Some(escaped @ ('\\' | ';' | ',')) => plain.push(escaped),
            Some('n' | 'N') => plain.push('\n'),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

/// Ends every line with CRLF and folds those over 75 octets, never inside a character. Blank lines are left out; lines
/// that are folded already are folded anew.
pub fn fold(text: &str) -> String {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut folded = String::with_capacity(text.len() + text.len() / MAX_LINE * 3);
    for line in unfold(text) {
        push_line(&mut folded, &line.text);
    }
    folded
}

/// Appends one line, folded.
pub(super) fn push_line(out: &mut String, line: &str) {
    let mut width = 0;
    for char in line.chars() {
        if width + char.len_utf8() > MAX_LINE {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(char);
        width += char.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two lines of 75 and 35 octets.
    #[test]
    fn a_long_line_is_folded_between_characters() {
        let text = "Erstgespräch für Köln, Büro; Zimmer 4\\B\nBitte 10 Minuten früher da sein – danke schön";
        let folded = fold(&format!("DESCRIPTION:{}\n", escape(text)));
        assert_eq!(
            folded,
            "DESCRIPTION:Erstgespräch für Köln\\, Büro\\; Zimmer 4\\\\B\\nBitte 10 Minute\r\n n früher da sein – danke schön\r\n"
        );
        let octets: Vec<_> = folded.trim_end().split("\r\n").map(str::len).collect();
        assert_eq!(octets, [75, 35]);
    }

    #[test]
    fn escapes_keep_text_inside_its_line() {
        assert_eq!(escape("a\r\nATTENDEE:b\rc\nd\u{7}\te"), "a\\nATTENDEE:b\\nc\\nd\te");
        assert_eq!(unescape("a\\nb\\Nc\\;\\,\\\\n\\:\\"), "a\nb\nc;,\\n\\:\\");
    }

    #[test]
    fn lines_end_with_crlf_and_blank_ones_go() {
        assert_eq!(fold("A:1\n\n  \r\nB:2\r\nC:3"), "A:1\r\nB:2\r\nC:3\r\n");
        assert_eq!(fold("\u{FEFF}A:one\n  two\n\tthree"), "A:one twothree\r\n");
        assert_eq!(fold(""), "");
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(text in "[^\\x00-\\x08\\x0B-\\x1F\\x7F]*") {
            prop_assert_eq!(unescape(&escape(&text)), text);
        }

        #[test]
        fn folding_keeps_the_lines_and_bounds_them(lines in prop::collection::vec("[A-Z]{1,9}:[^\\x00-\\x1F\\x7F]{0,90}", 0..5)) {
            let folded = fold(&lines.join("\n"));
            prop_assert!(folded.split("\r\n").all(|it| it.len() <= MAX_LINE && !it.contains('\n')));
            let again: Vec<_> = unfold(&folded).map(|it| it.text.into_owned()).collect();
            prop_assert_eq!(again, lines);
            prop_assert_eq!(fold(&folded), folded);
        }
    }
}
