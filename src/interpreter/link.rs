//! `Link` headers (RFC 8288).

/// The target of the first link whose relation is `rel`, in any of `headers`, as written.
pub(super) fn target<'h>(headers: impl Iterator<Item = &'h str>, rel: &str) -> Option<&'h str> {
    headers.flat_map(links).find(|link| link.is(rel)).map(|link| link.target)
}

struct Link<'h> {
    target: &'h str,
    parameters: &'h str,
}

impl Link<'_> {
    /// Whether the first `rel` parameter names the relation; it may name several (§3.3).
    fn is(&self, rel: &str) -> bool {
        let mut rels = split(self.parameters, ';').filter_map(|it| {
            let (name, value) = it.split_once('=')?;
            name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
        });
        rels.next().is_some_and(|value| value.split_ascii_whitespace().any(|it| it.eq_ignore_ascii_case(rel)))
    }
}

/// The links of one header: `<target>; name=value, <target>; …`
fn links(header: &str) -> impl Iterator<Item = Link<'_>> {
    split(header, ',').filter_map(|it| {
        let (target, parameters) = it.trim().strip_prefix('<')?.split_once('>')?;
        Some(Link { target: target.trim(), parameters })
    })
}

/// The parts between `separator`s that stand neither in quotes nor in angle brackets.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    text.split(move |it: char| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match it {
            '\\' if quoted => escaped = true,
            '"' if !bracketed => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => return it == separator && !quoted && !bracketed,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[&str], expected: Option<&str>) {
        assert_eq!(target(headers.iter().copied(), "next"), expected, "{headers:?}");
    }

    #[test]
    fn the_next_link_is_found() {
        check(&[], None);
        check(&["<https://api.example.com/a?page=2>; rel=\"next\""], Some("https://api.example.com/a?page=2"));
        check(&["<https://a/1>; rel=prev, <https://a/3>; rel=next"], Some("https://a/3"));
        check(&["<https://a/1>; rel=prev", "</3>; REL=\"last Next\""], Some("/3"));
        check(&["<https://a/1>; rel=prev"], None);
    }

    #[test]
    fn commas_and_semicolons_in_targets_and_quotes_do_not_split() {
        check(
            &["<https://a/1,2;3>; title=\"a, <b>; rel=next\"; rel=prev, <https://a/4>; rel=next"],
            Some("https://a/4"),
        );
        check(&[r#"<https://a/1>; title="say \"x, y\""; rel=next"#], Some("https://a/1"));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(header in "[<>;,=\"\\\\ a-z]{0,40}") {
            if let Some(target) = target([header.as_str()].into_iter(), "a") {
                proptest::prop_assert!(header.contains(target));
            }
        }
    }

    #[test]
    fn only_the_first_rel_counts_and_garbage_is_passed_over() {
        check(&["<https://a/1>; rel=prev; rel=next"], None);
        check(&["nonsense, <unclosed; rel=next"], None);
        check(&["nonsense, <https://a/2>; rel=next"], Some("https://a/2"));
    }
}
