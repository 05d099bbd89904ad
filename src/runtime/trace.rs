//! What happened in one execution, for ops to read: steps, requests and answers, redacted and bounded.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
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

/// A longer body is cut when it comes, so that a run doesn't hold on to what it won't keep.
const LONGEST_WAITING_BYTES: usize = 64 << 10;

/// How much of a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A line for each step and exchange. Enough for a read that succeeded: the rest is bulk, and the customer's data.
    Lines,
    /// With headers, bodies and outputs: what changed something, and what failed.
    Full,
}

/// Collects the events of a run. Recording is cheap; what is kept of them is made at the end, when it is known how the run
/// went.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    kept: Vec<Entry>,
    dropped: usize,
}

#[derive(Debug)]
enum Entry {
    Skipped { step: String },
    Ended { step: String, output: Json },
    Exchanged(Box<Exchanged>),
}

#[derive(Debug)]
struct Exchanged {
    step: String,
    /// Without its body.
    request: Request,
    sent: Body,
    /// Without its body; or why there is none.
    answer: Result<(Answer, Body), String>,
    duration_ms: u64,
}

/// A body that waits for the end of its run.
#[derive(Debug)]
enum Body {
    /// All of it.
    Whole(Bytes),
    /// As much as could be kept.
    Cut(Json),
}

impl Trace {
    /// Takes one event in.
    pub fn record(&self, event: &Event<'_>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.kept.len() < MOST_ENTRIES {
            entries.kept.push(Entry::of(event));
        } else {
            entries.dropped += 1;
        }
    }

    /// The whole as a list, with `secrets` masked.
    pub fn finish(self, detail: Detail, secrets: &[Secret]) -> Json {
        let Entries { kept, dropped } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<Json> = kept.into_iter().map(|it| it.into_json(detail)).collect();
        list.iter_mut().for_each(|it| redact::json(it, secrets));
        if dropped > 0 {
            list.push(json!({"event": "dropped", "entries": dropped}));
        }
        Json::Array(list)
    }
}

impl Entry {
    fn of(event: &Event<'_>) -> Self {
        match event {
            Event::Skipped { step } => Self::Skipped { step: (*step).to_owned() },
            Event::Ended { step, output } => Self::Ended { step: (*step).to_owned(), output: (*output).clone() },
            Event::Exchanged { step, request, answer, duration_ms } => {
                let bare = Request { body: Bytes::new(), ..(*request).clone() };
                let answer = answer.map_err(|error| error.message.clone());
                Self::Exchanged(Box::new(Exchanged {
                    step: (*step).to_owned(),
                    request: bare,
                    sent: Body::of(&request.body),
                    answer: answer.map(|it| (Answer { body: Bytes::new(), ..it.clone() }, Body::of(&it.body))),
                    duration_ms: *duration_ms,
                }))
            }
        }
    }

    fn into_json(self, detail: Detail) -> Json {
        let full = detail == Detail::Full;
        match self {
            Self::Skipped { step } => json!({"step": step, "event": "skipped"}),
            Self::Ended { step, .. } if !full => json!({"step": step, "event": "ended"}),
            Self::Ended { step, output } => json!({"step": step, "event": "ended", "output": short(output)}),
            Self::Exchanged(it) => it.into_json(full),
        }
    }
}

impl Exchanged {
    fn into_json(self, full: bool) -> Json {
        let Self { step, request, sent, answer, duration_ms } = self;
        let mut asked = json!({"method": request.method, "url": whole_or_cut(request.url.as_str())});
        let mut answered = match &answer {
            Ok((answer, _)) => json!({"status": answer.status}),
            Err(error) => json!({"error": error}),
        };
        if full {
            asked["headers"] = headers_entry(&request.headers);
            asked["body"] = sent.into_json();
            if let Ok((answer, body)) = answer {
                answered["headers"] = headers_entry(&answer.headers);
                answered["body"] = body.into_json();
            }
        }
        json!({"step": step, "event": "exchanged", "request": asked, "answer": answered, "duration_ms": duration_ms})
    }
}

impl Body {
    fn of(bytes: &Bytes) -> Self {
        if bytes.len() <= LONGEST_WAITING_BYTES { Self::Whole(bytes.clone()) } else { Self::Cut(body_entry(bytes)) }
    }

    fn into_json(self) -> Json {
        match self {
            Self::Whole(bytes) => body_entry(&bytes),
            Self::Cut(json) => json,
        }
    }
}

fn headers_entry(all: &[(String, String)]) -> Json {
    redact::headers(all).map(|(name, value)| (name.to_owned(), whole_or_cut(value))).collect::<Map<_, _>>().into()
}

/// JSON stays JSON unless it is long. Its secret keys are masked before it is cut: afterwards they couldn't be told.
fn body_entry(bytes: &[u8]) -> Json {
    if bytes.is_empty() {
        return Json::Null;
    }
    match serde_json::from_slice::<Json>(bytes) {
        Ok(mut json) if json.is_object() || json.is_array() => {
            redact::json(&mut json, &[]);
            short(json)
        }
        _ => cut(&String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_BODY_BYTES)]), bytes.len()),
    }
}

/// An output as it is, unless it is long.
fn short(output: Json) -> Json {
    let text = output.to_string();
    if text.len() <= LONGEST_BODY_BYTES { output } else { cut(&text, text.len()) }
}

fn whole_or_cut(text: &str) -> Json {
    cut(text, text.len())
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
    use url::Url;

    use super::*;

    fn exchanged(body: &str) -> Json {
        let url = Url::parse("https://api.example.com/a?b=c").unwrap();
        let request = Request { method: "GET".into(), url: url.clone(), headers: vec![], body: Bytes::new() };
        let answer = Answer { status: 200, headers: vec![], body: Bytes::from(body.to_owned()), url };
        let trace = Trace::default();
        trace.record(&Event::Exchanged { step: "s", request: &request, answer: Ok(&answer), duration_ms: 3 });
        trace.finish(Detail::Full, &[Secret::new("hunter22")])[0]["answer"]["body"].take()
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
    fn addresses_and_headers_are_bounded_too() {
        let long = "y".repeat(10_000);
        let url = Url::parse(&format!("https://api.example.com/a?b={long}")).unwrap();
        let request = Request { method: "GET".into(), url: url.clone(), headers: vec![], body: Bytes::new() };
        let headers = vec![("x-long".to_owned(), long)];
        let answer = Answer { status: 200, headers, body: Bytes::new(), url };
        let trace = Trace::default();
        trace.record(&Event::Exchanged { step: "s", request: &request, answer: Ok(&answer), duration_ms: 3 });
        let kept = trace.finish(Detail::Full, &[]).to_string();
        assert!(kept.len() < 3 * LONGEST_BODY_BYTES, "{} bytes", kept.len());
    }

    #[test]
    fn a_huge_body_is_cut_before_it_is_held() {
        let huge = exchanged(&format!(r#"{{"token":"abc","x":"{}"}}"#, "y".repeat(100_000)));
        assert!(huge.as_str().unwrap().starts_with(r#"{"token":"•••""#), "{huge}");
        assert!(huge.as_str().unwrap().len() < 2 * LONGEST_BODY_BYTES);
    }

    #[test]
    fn lines_hold_no_body_and_no_output() {
        let url = Url::parse("https://api.example.com/a").unwrap();
        let headers = vec![("x-of".to_owned(), "the customer".to_owned())];
        let request =
            Request { method: "POST".into(), url: url.clone(), headers: headers.clone(), body: "their words".into() };
        let answer = Answer { status: 200, headers, body: "their name".into(), url };
        let trace = Trace::default();
        trace.record(&Event::Exchanged { step: "s", request: &request, answer: Ok(&answer), duration_ms: 3 });
        trace.record(&Event::Ended { step: "s", output: &json!("their name") });
        let exchanged = json!({
            "step": "s", "event": "exchanged", "duration_ms": 3,
            "request": {"method": "POST", "url": "https://api.example.com/a"}, "answer": {"status": 200},
        });
        assert_eq!(trace.finish(Detail::Lines, &[]), json!([exchanged, {"step": "s", "event": "ended"}]));
    }

    #[test]
    fn a_long_run_keeps_the_first_entries_and_counts_the_rest() {
        let trace = Trace::default();
        for _ in 0..MOST_ENTRIES + 5 {
            trace.record(&Event::Skipped { step: "s" });
        }
        let entries = trace.finish(Detail::Full, &[]);
        assert_eq!(entries.as_array().unwrap().len(), MOST_ENTRIES + 1);
        assert_eq!(entries[MOST_ENTRIES], json!({"event": "dropped", "entries": 5}));
    }
}
