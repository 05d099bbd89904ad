//! What happened in one execution, for ops to read: steps, requests and answers, redacted and bounded.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value as Json, json};

use crate::{
    base::{Secret, redact},
    interpreter::Event,
    wire::{Answer, Request},
};

/// A body longer than this is cut, with a word on how much is missing.
const LONGEST_BODY_BYTES: usize = 4096;

/// More entries are counted but not kept: an `each` over pages must not fill the store.
const MOST_ENTRIES: usize = 100;

/// Collects the events of a run.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    kept: Vec<Json>,
    dropped: usize,
}

impl Trace {
    /// Takes one event in.
    pub fn record(&self, event: &Event<'_>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.kept.len() < MOST_ENTRIES {
            entries.kept.push(entry(event));
        } else {
            entries.dropped += 1;
        }
    }

    /// The whole as a list, with `secrets` masked.
    pub fn finish(self, secrets: &[Secret]) -> Json {
        let Entries { mut kept, dropped } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        kept.iter_mut().for_each(|it| redact::json(it, secrets));
        if dropped > 0 {
            kept.push(json!({"event": "dropped", "entries": dropped}));
        }
        Json::Array(kept)
    }
}

fn entry(event: &Event<'_>) -> Json {
    match event {
        Event::Skipped { step } => json!({"step": step, "event": "skipped"}),
        Event::Ended { step, output } => json!({"step": step, "event": "ended", "output": short(output)}),
        Event::Exchanged { step, request, answer, duration_ms } => {
            let answer = match answer {
                Ok(answer) => answer_entry(answer),
                Err(error) => json!({"error": error.message}),
            };
            json!({
                "step": step,
                "event": "exchanged",
                "request": request_entry(request),
                "answer": answer,
                "duration_ms": duration_ms,
            })
        }
    }
}

/// A request as ops see it.
fn request_entry(request: &Request) -> Json {
    json!({
        "method": request.method,
        "url": request.url.as_str(),
        "headers": headers(&request.headers),
        "body": body(&request.body),
    })
}

fn answer_entry(answer: &Answer) -> Json {
    json!({
        "status": answer.status,
        "headers": headers(&answer.headers),
        "body": body(&answer.body),
    })
}

fn headers(all: &[(String, String)]) -> Json {
    redact::headers(all).map(|(name, value)| (name.to_owned(), Json::from(value))).collect::<Map<_, _>>().into()
}

/// JSON stays JSON unless it is long. Its secret keys are masked before it is cut: afterwards they couldn't be told.
fn body(bytes: &[u8]) -> Json {
    if bytes.is_empty() {
        return Json::Null;
    }
    match serde_json::from_slice::<Json>(bytes) {
        Ok(mut json) if json.is_object() || json.is_array() => {
            redact::json(&mut json, &[]);
            short(&json)
        }
        _ => cut(&String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_BODY_BYTES)]), bytes.len()),
    }
}

/// An output as it is, unless it is long.
fn short(output: &Json) -> Json {
    let text = output.to_string();
    if text.len() <= LONGEST_BODY_BYTES { output.clone() } else { cut(&text, text.len()) }
}

fn cut(text: &str, whole_bytes: usize) -> Json {
    let mut end = text.len().min(LONGEST_BODY_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == whole_bytes {
        return Json::from(text);
    }
    Json::from(format!("{} … ({} of {whole_bytes} bytes)", &text[..end], end))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use url::Url;

    use super::*;

    fn exchanged(body: &str) -> Json {
        let url = Url::parse("https://api.example.com/a?b=c").unwrap();
        let request = Request { method: "GET".into(), url: url.clone(), headers: vec![], body: Bytes::new() };
        let answer = Answer { status: 200, headers: vec![], body: Bytes::from(body.to_owned()), url };
        let trace = Trace::default();
        trace.record(&Event::Exchanged { step: "s", request: &request, answer: Ok(&answer), duration_ms: 3 });
        trace.finish(&[Secret::new("hunter22")])[0]["answer"]["body"].take()
    }

    #[test]
    fn bodies_are_redacted_and_bounded() {
        assert_eq!(exchanged(r#"{"token":"abc","n":1}"#), json!({"token": "•••", "n": 1}));
        assert_eq!(exchanged("plain hunter22"), json!("plain •••"));
        let long = exchanged(&format!(r#"{{"password":"abc","x":"{}"}}"#, "y".repeat(5000)));
        assert!(long.as_str().unwrap().starts_with(r#"{"password":"•••""#), "{long}");
        let long = exchanged(&"é".repeat(5000));
        assert!(long.as_str().unwrap().ends_with("… (4096 of 10000 bytes)"), "{long}");
    }

    #[test]
    fn a_long_run_keeps_the_first_entries_and_counts_the_rest() {
        let trace = Trace::default();
        for _ in 0..MOST_ENTRIES + 5 {
            trace.record(&Event::Skipped { step: "s" });
        }
        let entries = trace.finish(&[]);
        assert_eq!(entries.as_array().unwrap().len(), MOST_ENTRIES + 1);
        assert_eq!(entries[MOST_ENTRIES], json!({"event": "dropped", "entries": 5}));
    }
}
