//! From a place in a file to the part of it that stands there.

use super::{Kind, Node};
use crate::base::pointer::token;

/// The JSON Pointer (RFC 6901) to the innermost part of `root` in which the byte lies; the whole for a byte outside.
pub fn pointer(root: &Node, byte: usize) -> String {
    let mut pointer = String::new();
    let mut node = root;
    while let Some((next, step)) = child(node, byte) {
        pointer.push('/');
        pointer.push_str(&step);
        node = next;
    }
    pointer
}

fn child(node: &Node, byte: usize) -> Option<(&Node, String)> {
    match &node.kind {
        Kind::Scalar(..) => None,
        Kind::List(items) => {
            let (index, item) =
                items.iter().enumerate().find(|(_, it)| (it.span.start..it.span.end).contains(&byte))?;
            Some((item, index.to_string()))
        }
        Kind::Map(entries) => {
            let entry = entries
                .iter()
                .find(|it| (it.key_span.start..it.value.span.end.max(it.key_span.end)).contains(&byte))?;
            Some((&entry.value, token(&entry.key)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diag::{Diagnostics, Sources},
        yaml,
    };

    #[test]
    fn a_place_is_found_by_key_and_by_value() {
        let text = "a: {b/c: [x, {d: yes}]}\n\"e\": 1\nf:\n";
        let mut sources = Sources::default();
        let file = sources.add("file.yaml", text);
        let root = yaml::parse(&sources, file, &mut Diagnostics::default()).expect("it is right");
        for (at, expected) in [
            ("a:", "/a"),
            ("b/c", "/a/b~1c"),
            ("x", "/a/b~1c/0"),
            ("d:", "/a/b~1c/1/d"),
            ("yes", "/a/b~1c/1/d"),
            ("\"e\"", "/e"),
            ("1", "/e"),
            ("f", "/f"),
        ] {
            assert_eq!(pointer(&root, text.find(at).expect("it is there")), expected, "{at}");
        }
        assert_eq!(pointer(&root, 1000), "");
    }
}
