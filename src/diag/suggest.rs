//! "Did you mean …?"

use strsim::osa_distance;

/// Longer words are not names that somebody mistyped.
const MAX_CHARS: usize = 80;

/// What was meant by a word that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near<'a> {
    /// The word that does.
    pub word: &'a str,
    /// Whether nothing else can be meant: one slip of the fingers, or another way to write the same words, and no other
    /// candidate is as near.
    pub certain: bool,
}

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(word, candidates).map(|it| it.word)
}

/// The same, and how sure that is.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<Near<'a>> {
    if word.chars().nth(MAX_CHARS).is_some() {
        return None;
    }
    let mut near: Vec<_> = candidates
        .into_iter()
        // Another way to write the same words is one slip, however many letters differ.
        .map(|it| (if is_respelt(word, it) { 1.min(osa_distance(word, it)) } else { osa_distance(word, it) }, it))
        .filter(|(distance, it)| *distance <= 1.max(it.len().max(word.len()) / 3))
        .collect();
    // Of those that are equally near the first is meant: tables begin with what is used most.
    near.sort_by_key(|(distance, _)| *distance);
    let (distance, best) = *near.first()?;
    let is_alone = near.iter().all(|(next, it)| *next > distance || *it == best);
    Some(Near { word: best, certain: is_alone && (is_respelt(word, best) || distance == 1 && is_slip(word, best)) })
}

/// Of short words every letter counts, and of numbered ones the number.
fn is_slip(word: &str, meant: &str) -> bool {
    let number = |it: &str| it.chars().filter(char::is_ascii_digit).collect::<String>();
    meant.len() >= 4 && number(word) == number(meant)
}

/// `bookingId` and `booking-id` are `booking_id`.
fn is_respelt(word: &str, meant: &str) -> bool {
    let letters = |it: &str| it.chars().filter(|it| !matches!(it, '_' | '-')).collect::<String>().to_lowercase();
    letters(word) == letters(meant)
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
    fn a_slip_is_certain_and_what_may_be_two_things_is_not() {
        let check = |word: &str, candidates: &[&'static str], expected: (&str, bool)| {
            let near = nearest(word, candidates.iter().copied()).expect(word);
            assert_eq!((near.word, near.certain), expected, "{word}");
        };
        check("querry", &["query", "body"], ("query", true));
        check("mehtod", &["method", "path"], ("method", true));
        check("bookingId", &["booking_id"], ("booking_id", true));
        check("descripe", &["describe"], ("describe", true));
        check("to", &["id", "two"], ("two", false));
        check("guest_c", &["guest_a", "guest_b"], ("guest_a", false));
        check("line_3", &["line_1"], ("line_1", false));
        check("custmer", &["customers", "order"], ("customers", false));
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
