//! A mark for a connector that has none yet: its first letter on a colour of its own.

/// Colours on which white can be read.
const COLORS: &[&str] = &["#1F6FEB", "#0F766E", "#7C3AED", "#B45309", "#BE123C", "#15803D", "#4338CA", "#0E7490"];

/// A colour that is always the same for the same title.
pub(super) fn color(title: &str) -> &'static str {
    let sum = title.bytes().fold(0usize, |sum, it| sum.wrapping_mul(31).wrapping_add(usize::from(it)));
    COLORS[sum % COLORS.len()]
}

/// The text of `logo.svg`.
pub(super) fn svg(title: &str) -> String {
    let letter = title.chars().find(|it| it.is_ascii_alphanumeric()).unwrap_or('C').to_ascii_uppercase();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 48 48\" role=\"img\" aria-label=\"{letter}\">\n  \
         <rect width=\"48\" height=\"48\" rx=\"10\" fill=\"{}\"/>\n  \
         <text x=\"24\" y=\"33\" font-family=\"sans-serif\" font-size=\"26\" font-weight=\"700\" text-anchor=\"middle\" \
         fill=\"#FFF\">{letter}</text>\n</svg>\n",
        color(title)
    )
}
