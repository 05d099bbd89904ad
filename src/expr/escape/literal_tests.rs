//! Each literal is read back by a small reader of its language: whatever the text is, it comes back whole, or is refused.

use minijinja::Value;
use proptest::prelude::*;

use super::*;

fn literal(value: impl Into<Value>, language: Language, marker: Option<Marker>) -> Result<String, String> {
    let mut out = String::new();
    append(&mut out, &value.into(), language, marker).map(|()| out)
}

/// Reads `'…'` to its end and gives what it means, and what stands behind it. `escape` reads what follows a backslash.
fn read_quoted(literal: &str, doubled: bool, escape: Option<fn(&mut std::str::Chars<'_>) -> char>) -> (String, String) {
    let mut chars = literal.strip_prefix('\'').expect("begins with a quote").chars();
    let mut text = String::new();
    while let Some(char) = chars.next() {
        match (char, escape) {
            ('\'', _) if doubled && chars.as_str().starts_with('\'') => {
                chars.next();
                text.push('\'');
            }
            ('\'', _) => return (text, chars.as_str().to_owned()),
            ('\\', Some(escape)) => text.push(escape(&mut chars)),
            (other, _) => text.push(other),
        }
    }
    panic!("it never ends: {literal}");
}

fn soql_escape(chars: &mut std::str::Chars<'_>) -> char {
    match chars.next().expect("something follows a backslash") {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let digits: String = chars.by_ref().take(4).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).expect("four digits")).expect("a character")
        }
        quoted @ ('\\' | '\'' | '"') => quoted,
        other => panic!("`\\{other}` is no escape"),
    }
}

fn bare_escape(chars: &mut std::str::Chars<'_>) -> char {
    chars.next().expect("something follows a backslash")
}

/// What people write, what breaks queries, and much of it.
fn texts() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "'",
        "\\",
        "\"",
        "\\'",
        "''",
        "%",
        "_",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "{",
        "}",
        "(",
        ")",
        ":",
        "*",
        "-",
        "+",
        " OR ",
        " AND ",
        "NOT",
        " or 1=1 --",
        "😀",
        "مرحبا",
        "\u{202e}",
        "\u{feff}",
        "ana@example.com",
        "O'Brien",
        "Ana",
        "100%",
        "é",
        "日本",
    ]);
    let mixed = prop::collection::vec(prop_oneof![3 => nasty.prop_map(str::to_owned), 1 => any::<String>()], 0..8);
    prop_oneof![9 => mixed.prop_map(|it| it.concat()), 1 => Just("a'\\".repeat(33_000))]
}

proptest! {
    #[test]
    fn quoted_text_comes_back_and_ends_where_it_ends(text in texts()) {
        let whole = (text.clone(), String::new());
        let soql = literal(text.as_str(), Language::Soql, None).expect("takes all text");
        prop_assert!(!soql.contains(char::is_control));
        prop_assert_eq!(read_quoted(&soql, false, Some(soql_escape)), whole.clone());
        let search = literal(text.as_str(), Language::Search, None).expect("takes all text");
        prop_assert_eq!(read_quoted(&search, false, Some(bare_escape)), whole.clone());
        let odata = literal(text.as_str(), Language::Odata, None).expect("takes all text");
        prop_assert_eq!(read_quoted(&odata, true, None), whole.clone());
        match literal(text.as_str(), Language::Coql, None) {
            Ok(coql) => prop_assert_eq!(read_quoted(&coql, true, None), whole),
            Err(_) => prop_assert!(text.contains('\\')),
        }
    }

    #[test]
    fn a_term_comes_back_and_stays_in_its_braces(text in texts()) {
        let Ok(term) = literal(text.as_str(), Language::Sosl, None) else {
            prop_assert!(text.chars().any(char::is_control) || text.chars().filter(|it| it.is_alphanumeric()).count() < 2);
            return Ok(());
        };
        let inside = term.strip_prefix('{').and_then(|it| it.strip_suffix('}')).expect("in braces");
        let phrase = inside.starts_with('"');
        let inside = if phrase { &inside[1..inside.len() - 1] } else { inside };
        let (mut chars, mut back) = (inside.chars(), String::new());
        while let Some(char) = chars.next() {
            prop_assert!(!"?&|!{}[]()^~*:\"'+-".contains(char), "{char} stands bare in {term}");
            back.push(if char == '\\' { chars.next().expect("something follows a backslash") } else { char });
        }
        prop_assert_eq!(&back, &text);
        prop_assert_eq!(phrase, text.split_whitespace().any(|it| matches!(it, "AND" | "OR" | "NOT")));
    }

    #[test]
    fn words_come_back_as_words_without_a_sign_of_the_language(text in texts()) {
        if let Ok(words) = literal(text.as_str(), Language::Kql, None) {
            let inside = words.strip_prefix('(').and_then(|it| it.strip_suffix(')')).unwrap_or(&words);
            prop_assert!(!inside.contains(|it: char| it.is_control() || "\"\\():*=<>".contains(it)));
            prop_assert!(inside.split(' ').eq(text.split_whitespace()));
            prop_assert!(!inside.split(' ').any(|it| matches!(it, "AND" | "OR" | "NOT") || it.starts_with(['-', '+'])));
        }
    }

    #[test]
    fn a_phrase_comes_back_in_its_quotes(text in texts()) {
        if let Ok(phrase) = literal(text.as_str(), Language::Phrases, None) {
            let inside = phrase.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(&phrase);
            prop_assert_eq!(inside, &text);
            prop_assert!(!inside.contains('"'));
            let has_signs = inside.contains(|it: char| it.is_whitespace() || "-():{}".contains(it));
            prop_assert!(phrase.starts_with('"') || !has_signs);
        }
    }
}

#[test]
fn other_values_stand_bare_and_lists_in_brackets() {
    let check = |value: Value, language, marker, expected: Result<&str, &str>| {
        let found = literal(value, language, marker);
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    };
    let list = || Value::from(vec!["a'b", "c"]);
    check(5.into(), Language::Soql, None, Ok("5"));
    check(2.5.into(), Language::Coql, None, Ok("2.5"));
    check(true.into(), Language::Search, None, Ok("true"));
    check(().into(), Language::Odata, None, Ok("null"));
    check(().into(), Language::Search, None, Err("it gives null, which `search` has no literal for"));
    check(Value::UNDEFINED, Language::Soql, None, Err("it has no value, and a query needs one"));
    check("".into(), Language::Soql, None, Ok("''"));
    check(list(), Language::Soql, None, Ok(r"('a\'b', 'c')"));
    check(list(), Language::Odata, None, Ok("('a''b', 'c')"));
    check(list(), Language::Kql, None, Err("it gives a list, which `kql` has no literal for"));
    check(
        Value::from(Vec::<Value>::new()),
        Language::Soql,
        None,
        Err("it gives an empty list, and a query needs at least one entry"),
    );
    check(Value::from(vec![Value::from(vec!["a"])]), Language::Soql, None, Err("it gives a list of lists"));
    let names = Some(Marker::Identifier);
    check(Value::from(vec!["Id", "Name"]), Language::Soql, names, Ok("Id, Name"));
    check("Email".into(), Language::Coql, names, Ok("Email"));
    let time = Some(Marker::Time);
    check("2026-12-01".into(), Language::Soql, time, Ok("2026-12-01"));
    check("2026-12-01".into(), Language::Coql, time, Ok("'2026-12-01'"));
    check("2026-12-01T00:00:00Z".into(), Language::Odata, time, Ok("2026-12-01T00:00:00Z"));
    check("ana@example.com".into(), Language::Phrases, None, Ok("ana@example.com"));
    check("2026/11/01".into(), Language::Phrases, None, Ok("2026/11/01"));
    check("-in:inbox".into(), Language::Phrases, None, Ok("\"-in:inbox\""));
    check("Jane Doe".into(), Language::Kql, None, Ok("(Jane Doe)"));
    check("Black AND White".into(), Language::Sosl, None, Ok("{\"Black AND White\"}"));
    check("a-b@c.d".into(), Language::Sosl, None, Ok(r"{a\-b@c.d}"));
}
