//! What stands in quotes is text, whatever it looks like.

/// The characters of an expression or a path outside of quotes, and the quotes themselves, with their places.
pub(super) fn outside(source: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut escaped) = (None, false);
    source.char_indices().filter(move |(_, char)| match quote {
        None => {
            quote = Some(*char).filter(|it| matches!(it, '\'' | '"'));
            true
        }
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(open) => {
            escaped = *char == '\\';
            let closes = *char == open;
            if closes {
                quote = None;
            }
            closes
        }
    })
}
