//! Messages on the wire: headers, an empty line, JSON (the base protocol of LSP 3.17).
//!
//! What is malformed is told apart from the end: an editor's slip costs one message, not the server.

use std::io::{BufRead, Read, Write};

use lsp_server::Message;

/// Larger messages are passed over: a file has at most 1 MiB, and each of its characters may be escaped.
const MAX_BYTES: u64 = 16 << 20;
/// Longer lines are no headers.
const MAX_HEADER: u64 = 4 << 10;

/// What came.
#[derive(Debug)]
pub(super) enum Frame {
    /// A message.
    Message(Message),
    /// Something that is none, in words.
    Malformed(String),
    /// Nothing more will come.
    End,
}

/// Reads the next message.
pub(super) fn read(input: &mut impl BufRead) -> Frame {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line) {
            Err(_) | Ok(0) => return Frame::End,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        match line.split_once(':') {
            _ if line.is_empty() && length.is_none() => {}
            _ if line.is_empty() => break,
            Some((name, value)) if name.trim().eq_ignore_ascii_case("Content-Length") => {
                match value.trim().parse::<u64>() {
                    Ok(bytes) => length = Some(bytes),
                    Err(_) => return Frame::Malformed(format!("not a length: {}", value.trim())),
                }
            }
            Some(_) => {}
            None => return Frame::Malformed("not a header".to_owned()),
        }
    }
    let length = length.unwrap_or_default();
    if length > MAX_BYTES {
        let passed = std::io::copy(&mut input.by_ref().take(length), &mut std::io::sink());
        return if passed.is_ok() { Frame::Malformed(format!("a message of {length} bytes")) } else { Frame::End };
    }
    let mut body = Vec::new();
    match input.by_ref().take(length).read_to_end(&mut body) {
        Ok(read) if read as u64 == length => {}
        _ => return Frame::End,
    }
    match serde_json::from_slice(&body) {
        Ok(message) => Frame::Message(message),
        Err(error) => Frame::Malformed(format!("not a message: {error}")),
    }
}

/// Writes a message.
pub(super) fn write(output: &mut impl Write, message: &Message) -> std::io::Result<()> {
    message.write(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<String> {
        let mut input = bytes;
        let mut found = Vec::new();
        loop {
            match read(&mut input) {
                Frame::End => return found,
                Frame::Message(Message::Notification(it)) => found.push(it.method),
                Frame::Message(it) => found.push(format!("{it:?}")),
                Frame::Malformed(it) => found.push(format!("! {it}")),
            }
        }
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn what_is_malformed_costs_one_message() {
        let good = framed(r#"{"jsonrpc":"2.0","method":"exit"}"#);
        for (bad, said) in [
            (framed("{"), "! not a message"),
            (framed("[]"), "! not a message"),
            (framed(r#"{"jsonrpc":"2.0"}"#), "! not a message"),
            ("nonsense\r\n".to_owned(), "! not a header"),
            ("Content-Length: many\r\n".to_owned(), "! not a length: many"),
        ] {
            let found = all(format!("{bad}{good}").as_bytes());
            assert!(found.len() == 2 && found[0].starts_with(said) && found[1] == "exit", "{bad}: {found:?}");
        }
        let lenient = good.replace("Content-Length:", "content-type: x\r\ncontent-length:").replace("\r\n", "\n");
        assert_eq!(all(lenient.as_bytes()), ["exit"]);
        assert_eq!(all(&good.as_bytes()[..good.len() - 1]), [] as [&str; 0]);
        assert_eq!(all(b"Content-Length: 99999999999999\r\n\r\n{}").len(), 1);
    }
}
