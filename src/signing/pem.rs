use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// One `-----BEGIN …-----` of a PEM file (RFC 7468).
pub struct Section {
    /// Such as `PRIVATE KEY`.
    pub label: String,
    /// The bytes; nothing for a section with headers of its own, which is how keys were once locked.
    pub der: Option<Zeroizing<Vec<u8>>>,
}

/// The sections of a PEM file. Keys often come with `\n` written out, with spaces for line breaks, or the whole file in base64
/// once more.
pub fn sections(text: &str) -> Vec<Section> {
    let text = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    let text = match text.contains("-----BEGIN ") {
        true => text,
        false => match decoded(&text).and_then(|it| String::from_utf8(it.to_vec()).ok()) {
            Some(inner) => Zeroizing::new(inner),
            None => return Vec::new(),
        },
    };
    let mut sections = Vec::new();
    for part in text.split("-----BEGIN ").skip(1) {
        let Some((label, rest)) = part.split_once("-----") else { continue };
        let Some((body, _)) = rest.split_once("-----END ") else { continue };
        sections.push(Section { label: label.trim().to_owned(), der: decoded(body) });
    }
    sections
}

/// A section as text.
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(STANDARD.encode(der));
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = &**text;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// Base64 among white space.
pub(super) fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = Zeroizing::new(text.split_whitespace().collect::<String>());
    STANDARD.decode(text.as_bytes()).ok().map(Zeroizing::new).filter(|it| !it.is_empty())
}
