//! Names and words of others, as ours: `listPets` → `list_pets`, `X-Tenant-Id` → `x_tenant_id`.

/// The longest name that is made.
const LONGEST: usize = 60;

/// The words of a text in small letters: at capital letters, digits stay with the word before them.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let all: Vec<char> = text.chars().collect();
    for (at, it) in all.iter().enumerate() {
        if !it.is_ascii_alphanumeric() {
            open = false;
            continue;
        }
        let before = at.checked_sub(1).and_then(|it| all.get(it));
        let after = all.get(at + 1);
        let begins = it.is_ascii_uppercase()
            && (before.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
                || before.is_some_and(char::is_ascii_uppercase) && after.is_some_and(char::is_ascii_lowercase));
        if !open || begins {
            words.push(String::new());
        }
        open = true;
        if let Some(word) = words.last_mut() {
            word.push(it.to_ascii_lowercase());
        }
    }
    words
}

/// `lower_case_with_underscores`, beginning with a letter; `otherwise` where nothing is left.
pub fn snake(text: &str, otherwise: &str) -> String {
    joined(text, "_", otherwise)
}

/// `lower-case-with-dashes`, beginning with a letter; `otherwise` where nothing is left.
pub fn kebab(text: &str, otherwise: &str) -> String {
    joined(text, "-", otherwise)
}

fn joined(text: &str, by: &str, otherwise: &str) -> String {
    let mut name = words(text).join(by);
    if !name.starts_with(|it: char| it.is_ascii_alphabetic()) {
        name = if name.is_empty() { otherwise.to_owned() } else { format!("{otherwise}{by}{name}") };
    }
    name.truncate(LONGEST);
    name.trim_end_matches(by).to_owned()
}

/// `name`, with a number behind it if it is among `taken`.
pub(super) fn free(name: &str, mut taken: impl FnMut(&str) -> bool) -> String {
    let numbered = (2..).map(|it| format!("{name}_{it}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|it| !taken(it)).unwrap_or_else(|| name.to_owned())
}

/// A sentence for people: the words with a capital letter in front.
pub(super) fn title(text: &str) -> String {
    capital(&words(text).join(" "))
}

/// With a capital letter in front.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().collect::<String>() + rest.as_str()).unwrap_or_default()
}

/// `orders` → `order`, `companies` → `company`
pub(super) fn singular(word: &str) -> String {
    match word {
        it if it.ends_with("ies") => format!("{}y", &it[..it.len() - 3]),
        it if it.ends_with("sses") || it.ends_with("xes") => it[..it.len() - 2].to_owned(),
        it if it.ends_with('s') && !it.ends_with("ss") && it.len() > 3 => it[..it.len() - 1].to_owned(),
        it => it.to_owned(),
    }
}

/// On one line, without what marks text up, cut at the end of a sentence or a word.
pub(super) fn plain(text: &str, longest: usize) -> String {
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).filter(|it| *it != '`').collect();
    let text = without_tags(&text).replace("**", "").replace("{{", "{ {").replace("}}", "} }");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= longest {
        return text;
    }
    let cut: String = text.chars().take(longest).collect();
    match cut.rfind(". ") {
        Some(end) if end > longest / 3 => cut[..=end].to_owned(),
        _ => format!("{} …", cut.rsplit_once(' ').map_or(cut.as_str(), |it| it.0)),
    }
}

fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        match after.split_once('>') {
            Some((tag, after))
                if tag.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/') && tag.len() < 40 =>
            {
                out.push(' ');
                rest = after;
            }
            _ => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Whether a name is one by which providers know a repetition.
pub(super) fn is_idempotency(called: &str) -> bool {
    words(called).join("").contains("idempoten")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_words() {
        for (given, expected) in [
            ("listPets", "list_pets"),
            ("HTTPServerID", "http_server_id"),
            ("X-Tenant-Id", "x_tenant_id"),
            ("pets.list", "pets_list"),
            ("v2Things", "v2_things"),
            ("2fa", "x_2fa"),
            ("", "x"),
            ("日本", "x"),
            ("filter[name]", "filter_name"),
        ] {
            assert_eq!(snake(given, "x"), expected, "{given}");
        }
        assert_eq!(kebab("Pet Shop API", "api"), "pet-shop-api");
        assert_eq!(title("listAllPets"), "List all pets");
        assert_eq!(free("a", |it| it == "a" || it == "a_2"), "a_3");
    }

    #[test]
    fn texts_are_one_line_and_end_somewhere() {
        assert_eq!(plain("Lists **pets**.\n\n  <b>All</b> of `them`, 1 < 2", 100), "Lists pets. All of them, 1 < 2");
        assert_eq!(plain("One sentence. Another one that is too long", 20), "One sentence.");
        assert_eq!(plain("word word word word", 12), "word word …");
    }
}
