//! A text as a scalar of YAML.

/// A text, in quotes where it would mean something else without; `inside` of brackets more needs them.
pub(super) fn scalar(text: &str, inside: bool) -> String {
    if is_plain(text, inside) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str, inside: bool) -> bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    let Some(first) = text.chars().next() else { return false };
    let numeric = |it: char| it.is_ascii_digit() || "+-.:_eExXoObaAcCdDfFtTzZ".contains(it);
    let is_version = text.split('.').count() == 3
        && text.split('.').all(|it| it.bytes().all(|it| it.is_ascii_digit()) && !it.is_empty());
    let seems_number = !is_version && (first.is_ascii_digit() || "+-.".contains(first)) && text.chars().all(numeric);
    !(text.trim() != text
        || seems_number
        || words.contains(&text.to_ascii_lowercase().as_str())
        || "-?:,[]{}#&*!|>'\"%@`=~<".contains(first)
        || text.contains(|it: char| it.is_control() || is_odd(it))
        || text.contains(": ")
        || text.contains(" #")
        || text.ends_with(':')
        || (inside && text.contains([',', '[', ']', '{', '}']))
        || (inside && text.contains(':') && !text.contains("://"))
        // what would need quotes in its own place is easier to read with them everywhere
        || text.contains("{{") && text.starts_with("{{"))
}

/// What some readers of YAML take for a line break or refuse.
pub(super) fn is_odd(it: char) -> bool {
    matches!(it, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text in quotes, single ones where that needs no escapes.
pub(super) fn quoted(text: &str) -> String {
    let escapes = text.contains(|it: char| it.is_control() || is_odd(it));
    if text.contains(['"', '\\']) && !escapes && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            it if (it.is_control() || is_odd(it)) && (it as u32) < 0x100 => {
                out.push_str(&format!("\\x{:02x}", it as u32));
            }
            it if is_odd(it) => out.push_str(&format!("\\u{:04x}", it as u32)),
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

/// A line of comment.
pub(super) fn comment(line: &str) -> String {
    let line: String = line.chars().map(|it| if it.is_control() || is_odd(it) { ' ' } else { it }).collect();
    format!("# {}", line.trim()).trim_end().to_owned()
}
