//! "Did you mean …?"

use strsim::osa_distance;

/// Longer words are not names that somebody mistyped.
const MAX_CHARS: usize = 80;

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().nth(MAX_CHARS).is_some() {
        return None;
    }
    candidates
        .into_iter()
        .map(|it| (osa_distance(word, it), it))
        .filter(|(distance, it)| *distance <= 1.max(it.len().max(word.len()) / 3))
        .min()
        .map(|(_, it)| it)
}

/// Sorts by how similar the text of each is to `word`, in whatever case: the closest first.
pub fn closest_first<T>(word: &str, items: &mut [T], text: impl Fn(&T) -> &str) {
    let word = word.to_lowercase();
    let alike = |item: &T| {
        let text: String = text(item).chars().take(MAX_CHARS).collect::<String>().to_lowercase();
        // Words that begin or go on alike are what somebody meant more often than those of few edits.
        if text.contains(&word) && !word.is_empty() { 1.0 } else { strsim::jaro_winkler(&word, &text) }
    };
    items.sort_by(|a, b| alike(b).total_cmp(&alike(a)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_comes_first() {
        let check = |word: &str, expected: &[&str]| {
            let mut values = ["Referral", "Web", "Chat", "Live Chat", "Partner"];
            closest_first(word, &mut values, |it| it);
            assert_eq!(values[..expected.len()], *expected, "{word}");
        };
        check("chat", &["Chat", "Live Chat"]);
        check("webb", &["Web"]);
        check("Refferal", &["Referral"]);
        check("partners", &["Partner"]);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["method", "path", "query", "headers", "url"];
        for (word, expected) in [
            ("pth", Some("path")),
            ("mehtod", Some("method")),
            ("header", Some("headers")),
            ("querry", Some("query")),
            ("uri", Some("url")),
            ("body", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(word, known), expected, "{word}");
        }
        assert_eq!(did_you_mean(&"x".repeat(1_000_000), known), None);
    }
}
