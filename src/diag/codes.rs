//! Every diagnostic code, once: its constant, its title and what it means.
//!
//! To add one, add an entry below, in the family it belongs to. A code is never used again for something else.

/// What is known about a code.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Such as `C101`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// A paragraph: why it is refused and what to do.
    pub explanation: &'static str,
}

/// What is known about `code`, if there is such a code.
pub fn explain(code: &str) -> Option<&'static Info> {
    ALL.iter().find(|it| it.code.eq_ignore_ascii_case(code))
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(#[doc = concat!("`", $code, "`: ", $title, ". ", $explanation)] pub const $name: &str = $code;)*

        /// The table, in order of code.
        pub const ALL: &[Info] =
            &[$(Info { code: $code, title: $title, explanation: $explanation }),*];
    };
}

codes! {
    // C0xx: the YAML text
    FILE_TOO_LARGE = "C001", "file too large",
        "A file of a connector may have at most 1 MiB, so that reading it can never exhaust the machine.";
    NOT_UTF8 = "C002", "not UTF-8",
        "Files are read as UTF-8. Save the file in that encoding; the place is that of the first byte that is not.";
    SYNTAX = "C003", "not valid YAML",
        "The text can't be read as YAML from this place on. Often the mistake is a little before it: a quote or bracket that is never closed, or a line with the wrong indentation.";
    TAB = "C004", "tab used as indentation",
        "YAML allows only spaces as indentation. Replace the tab, and let your editor insert spaces in YAML files.";
    EMPTY_FILE = "C005", "empty file",
        "The file holds nothing but space and comments.";
    SEVERAL_DOCUMENTS = "C006", "more than one document",
        "A file is one YAML document: remove what follows the second `---`, or put it into a file of its own.";
    ANCHOR = "C007", "anchor or alias",
        "Anchors (`&name`) and aliases (`*name`) are not used in connectors: what is written at a place is what holds there. Write the value out. A text that begins with `&` or `*` needs quotes.";
    MERGE_KEY = "C008", "merge key",
        "The merge key (`<<`) is not used in connectors. Write the keys out.";
    TAG = "C009", "tag",
        "Tags (`!name`) are not used in connectors: the key decides what type its value has. A text that begins with `!` needs quotes.";
    TOO_DEEP = "C010", "nested too deeply",
        "Lists and mappings may be nested 64 levels deep.";
    TOO_MANY_NODES = "C011", "too many nodes",
        "A file may hold at most 200,000 values.";
    KEY_NOT_TEXT = "C012", "key is not text",
        "A key must be one text; lists and mappings can't be keys.";
    DUPLICATE_KEY = "C013", "key given twice",
        "A mapping may give each key once. The second one is ignored while the rest is checked.";
    UNQUOTED_PLACEHOLDER = "C014", "placeholder without quotes",
        "A value that begins with `{{` must be quoted, because a `{` begins a mapping in YAML.";

    // C1xx: the shape
    UNKNOWN_KEY = "C101", "unknown key",
        "The section has no such key. Keys are spelled exactly as in the reference; nothing unknown is ignored silently.";
    WRONG_TYPE = "C102", "wrong type",
        "The key takes another type of value than the one that is written.";
    MISSING_KEY = "C103", "missing key",
        "The section needs this key.";
    BAD_VALUE = "C104", "value not allowed",
        "The value has the right type, but it is not among the allowed ones or not in the allowed range.";
    BAD_NAME = "C105", "name not allowed",
        "Ids of connectors and accounts are `lower-case-with-dashes`; all other names are `lower_case_with_underscores`. Both begin with a letter.";
    EXCLUSIVE_KEYS = "C106", "keys that exclude each other",
        "Exactly one of these keys is allowed here.";

    // C3xx: expressions and paths
    EXPRESSION = "C301", "not an expression",
        "What stands between `{{` and `}}` is an expression as minijinja (Jinja) writes them, of at most 2,000 bytes. A place that takes a test, such as `when`, takes exactly one.";
    UNKNOWN_FILTER = "C302", "unknown filter, test or function",
        "The language has only the filters, tests and functions that its reference lists.";
    WRONG_ARGUMENT = "C303", "wrong argument",
        "An argument is missing, is one too many, or can't be what is written. Arguments are given in order or by name.";
    NOT_IN_LANGUAGE = "C304", "not part of the language",
        "Templates have expressions only: no statements, comments, methods, white space control, or arguments spread by `*`.";
    UNCLOSED_PLACEHOLDER = "C305", "placeholder never closed",
        "A `{{` needs a `}}` after its expression; one inside quotes doesn't count.";
    FILTER_BINDS_TIGHTER = "C306", "filter applies to the last part only",
        "A filter belongs to what stands right before it: `a ~ b | f` is `a ~ (b | f)`. Brackets say what is meant.";
    RAW_NOT_LAST = "C307", "`raw` in the middle",
        "`raw` says how a placeholder is put in, so it can only be the last filter.";
    UNCLEAR_NUMBER = "C308", "unclear number",
        "A text without quotes looks like a number, but it begins with 0, has more than 64 bits, or is one that JSON doesn't have. Phone numbers and ids need quotes.";
    PATH = "C309", "not a JSONPath",
        "A text that begins with `$` is a JSONPath here (RFC 9535), of at most 512 bytes.";
    UNSUPPORTED_PATH = "C310", "JSONPath not supported",
        "The path is one of the few that the engine would not evaluate rightly, or that RFC 9535 calls ill-typed. Use two steps, or `each` with `when`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_well_formed_and_in_order() {
        for pair in ALL.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} stands before {}", pair[0].code, pair[1].code);
        }
        for info in ALL {
            let digits = info.code.strip_prefix('C').expect("starts with C");
            assert!(digits.len() == 3 && digits.bytes().all(|it| it.is_ascii_digit()), "{}", info.code);
            assert!(!info.title.is_empty() && !info.title.ends_with('.'), "{}", info.code);
            assert!(info.explanation.ends_with('.'), "{}: a paragraph ends with a full stop", info.code);
        }
    }

    #[test]
    fn explains_a_code_in_any_case() {
        assert_eq!(explain("c101").map(|it| it.title), Some("unknown key"));
        assert!(explain("C000").is_none());
    }
}
