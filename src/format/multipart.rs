//! Multipart bodies: forms with files (RFC 7578) and related parts (RFC 2387).

use aws_lc_rs::digest::{Context, SHA256};

use super::FormatError;

/// One part.
#[derive(Debug)]
pub struct Part {
    /// Headers, as they are written.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// The part of a form that is a field or, with a `filename`, a file.
///
/// # Errors
/// If a name holds a control character.
pub fn form_data(name: &str, filename: Option<&str>) -> Result<(String, String), FormatError> {
    let mut value = format!("form-data; name=\"{}\"", quoted(name)?);
    if let Some(filename) = filename {
        value.push_str(&format!("; filename=\"{}\"", quoted(filename)?));
    }
    Ok(("Content-Disposition".to_owned(), value))
}

/// As browsers write it (WHATWG HTML, multipart form data): UTF-8, with quotes percent-encoded.
fn quoted(text: &str) -> Result<String, FormatError> {
    if text.chars().any(char::is_control) {
        return Err(FormatError::new("multipart", "the name of a part holds line breaks or control characters"));
    }
    Ok(text.replace('"', "%22"))
}

/// The body, and the boundary between its parts: made of them, so that it can't stand in them and is always the same.
pub fn write(parts: &[Part]) -> (Vec<u8>, String) {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        for (name, value) in &part.headers {
            hash.update(name.as_bytes());
            hash.update(value.as_bytes());
        }
        hash.update(&u64::try_from(part.content.len()).unwrap_or_default().to_be_bytes());
        hash.update(&part.content);
    }
    let boundary: String = hash.finish().as_ref().iter().take(16).map(|it| format!("{it:02x}")).collect();
    let mut body = Vec::with_capacity(parts.iter().map(|it| it.content.len() + 256).sum());
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        for (name, value) in &part.headers {
            body.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (body, boundary)
}

/// Reads a body back: what a receiver sees.
pub fn read(body: &[u8], boundary: &str) -> Option<Vec<Part>> {
    let (open, between) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut rest = body.strip_prefix(open.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        // A part without headers begins with the empty line.
        let (head, content) = match rest.strip_prefix(b"\r\n") {
            Some(content) => (&b""[..], content),
            None => {
                let end = find(rest, b"\r\n\r\n")?;
                (rest.get(..end)?, rest.get(end + 4..)?)
            }
        };
        let lines = std::str::from_utf8(head).ok()?.split("\r\n").filter(|it| !it.is_empty());
        let headers = lines.map(|it| it.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())));
        let headers = headers.collect::<Option<Vec<_>>>()?;
        rest = content;
        let end = find(rest, between.as_bytes())?;
        parts.push(Part { headers, content: rest.get(..end)?.to_vec() });
        rest = rest.get(end + between.len()..)?;
        match rest.strip_prefix(b"\r\n") {
            Some(next) => rest = next,
            None => return rest.starts_with(b"--").then_some(parts),
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_as_browsers_write_it() {
        let content_type = ("Content-Type".to_owned(), "image/png".to_owned());
        let parts = [
            Part { headers: vec![form_data("caption", None).unwrap()], content: "Größe".into() },
            Part {
                headers: vec![form_data("file", Some("a \"b\".png")).unwrap(), content_type],
                content: vec![0, 1, b'\r', b'\n', 255],
            },
        ];
        let (body, boundary) = write(&parts);
        let shown = String::from_utf8_lossy(&body).replace(&boundary, "B");
        assert_eq!(
            shown,
            "--B\r\nContent-Disposition: form-data; name=\"caption\"\r\n\r\nGröße\r\n\
             --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a %22b%22.png\"\r\n\
             Content-Type: image/png\r\n\r\n\0\u{1}\r\n\u{fffd}\r\n--B--\r\n"
        );
        assert!(form_data("a\r\nX-Evil: 1", None).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_parts_are_they_come_back(contents in prop::collection::vec(any::<Vec<u8>>(), 1..5)) {
            let parts: Vec<_> = contents.iter().enumerate().map(|(at, content)| Part {
                headers: if at % 2 == 0 { vec![form_data(&at.to_string(), None).expect("a name")] } else { Vec::new() },
                content: content.clone(),
            }).collect();
            let (body, boundary) = write(&parts);
            let read = read(&body, &boundary).expect("read back");
            prop_assert_eq!(read.into_iter().map(|it| it.content).collect::<Vec<_>>(), contents);
        }
    }
}
