//! What happened in one execution, for ops to read: steps, requests and answers, redacted and bounded.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value as Json};

use crate::{
    base::{Secret, lock, redact},
    interpreter::Event,
    wire::{Answer, Request},
};

/// A body longer than this is cut, with a word on how much is missing.
const LONGEST_BODY_BYTES: usize = 4096;

/// More entries are counted but not kept: an `each` over pages must not fill the store.
const MOST_ENTRIES: usize = 100;

/// A longer body is cut when it comes, so that a run doesn't hold on to what it won't keep.
const LONGEST_WAITING_BYTES: usize = 64 << 10;

/// A line without headers and bodies is about as long.
const LINE_BYTES: usize = 192;

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
    Skipped {
        step: String,
    },
    Ended {
        step: String,
        output: Arc<Json>,
    },
    SchemaChanged,
    Resumed,
    /// So many more.
    Dropped(usize),
    Exchanged {
        step: String,
        request: Held<Request>,
        /// Or why there is none.
        answer: Result<Held<Answer>, String>,
        duration_ms: u64,
    },
}

/// A message that waits for the end of its run.
#[derive(Debug)]
struct Held<M> {
    message: Arc<M>,
    /// What is kept of its body, where that was too long to wait: then the message is without it.
    cut: Option<Json>,
}

impl Trace {
    /// Takes one event in.
    pub fn record(&self, event: &Event<'_>) {
        let mut entries = lock(&self.0);
        if entries.kept.len() < MOST_ENTRIES {
            entries.kept.push(Entry::of(event));
        } else {
            entries.dropped += 1;
        }
    }

    /// Another replica, or the same one after a wait, goes on here.
    pub fn resumed(&self) {
        lock(&self.0).kept.push(Entry::Resumed);
    }

    /// The whole as JSON text, with `secrets` masked.
    pub fn finish(self, detail: Detail, secrets: &[Secret]) -> String {
        let Entries { kept, dropped } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let kind = Kind { full: detail == Detail::Full, secrets };
        let dropped = (dropped > 0).then(|| Entry::Dropped(dropped));
        let lines: Vec<_> = kept.iter().chain(&dropped).map(|entry| Line { entry, kind }).collect();
        let mut text = Vec::with_capacity(LINE_BYTES * lines.len());
        serde_json::to_writer(&mut text, &lines).expect("text, numbers and JSON values always have a JSON form");
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Entry {
    fn of(event: &Event<'_>) -> Self {
        match *event {
            Event::Skipped { step } => Self::Skipped { step: step.to_owned() },
            Event::Ended { step, output } => Self::Ended { step: step.to_owned(), output: Arc::clone(output) },
            Event::SchemaChanged => Self::SchemaChanged,
            Event::Exchanged { step, request, answer, duration_ms } => Self::Exchanged {
                step: step.to_owned(),
                request: Held::request(request),
                answer: answer.map(Held::answer).map_err(|error| error.message.clone()),
                duration_ms,
            },
        }
    }

    /// Its step, and what happened.
    fn names(&self) -> (Option<&str>, &'static str) {
        match self {
            Self::Skipped { step } => (Some(step), "skipped"),
            Self::Ended { step, .. } => (Some(step), "ended"),
            Self::Exchanged { step, .. } => (Some(step), "exchanged"),
            Self::SchemaChanged => (None, "schema_changed"),
            Self::Resumed => (None, "resumed"),
            Self::Dropped(_) => (None, "dropped"),
        }
    }
}

impl Held<Request> {
    fn request(request: &Arc<Request>) -> Self {
        match early_cut(&request.body) {
            None => Self { message: Arc::clone(request), cut: None },
            cut => Self { message: Arc::new(Request { body: Bytes::new(), ..Request::clone(request) }), cut },
        }
    }
}

impl Held<Answer> {
    fn answer(answer: &Arc<Answer>) -> Self {
        match early_cut(&answer.body) {
            None => Self { message: Arc::clone(answer), cut: None },
            cut => Self { message: Arc::new(Answer { body: Bytes::new(), ..Answer::clone(answer) }), cut },
        }
    }
}

fn early_cut(body: &[u8]) -> Option<Json> {
    (body.len() > LONGEST_WAITING_BYTES).then(|| body_entry(body))
}

/// An entry as it is written down. What is absent is left out.
struct Line<'a> {
    entry: &'a Entry,
    kind: Kind<'a>,
}

/// How entries are written down.
#[derive(Clone, Copy)]
struct Kind<'a> {
    full: bool,
    secrets: &'a [Secret],
}

/// A request or an answer as it is written down.
struct Message<'a> {
    what: What<'a>,
    kind: Kind<'a>,
}

enum What<'a> {
    Request(&'a Held<Request>),
    Answer(&'a Held<Answer>),
    NoAnswer(&'a str),
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { entry, kind } = *self;
        let mut line = serializer.serialize_map(None)?;
        let (step, event) = entry.names();
        if let Some(step) = step {
            line.serialize_entry("step", step)?;
        }
        line.serialize_entry("event", event)?;
        match entry {
            Entry::Ended { output, .. } if kind.full => line.serialize_entry("output", &kind.masked(short(output)))?,
            Entry::Exchanged { request, answer, duration_ms, .. } => {
                let answer = answer.as_ref().map_or_else(|error| What::NoAnswer(error), What::Answer);
                line.serialize_entry("request", &Message { what: What::Request(request), kind })?;
                line.serialize_entry("answer", &Message { what: answer, kind })?;
                line.serialize_entry("duration_ms", duration_ms)?;
            }
            Entry::Dropped(entries) => line.serialize_entry("entries", entries)?,
            _ => {}
        }
        line.end()
    }
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { what, kind } = self;
        let mut message = serializer.serialize_map(None)?;
        let (headers, body, cut) = match what {
            What::Request(Held { message: request, cut }) => {
                message.serialize_entry("method", &request.method)?;
                message.serialize_entry("url", &redact::text(whole_or_cut(request.url.as_str()), kind.secrets))?;
                (&request.headers, &request.body, cut)
            }
            What::Answer(Held { message: answer, cut }) => {
                message.serialize_entry("status", &answer.status)?;
                (&answer.headers, &answer.body, cut)
            }
            What::NoAnswer(error) => {
                message.serialize_entry("error", &redact::text(*error, kind.secrets))?;
                return message.end();
            }
        };
        if kind.full {
            let shown = |(name, value): (&str, &str)| (name.to_owned(), Json::from(whole_or_cut(value)));
            let headers: Map<_, _> = redact::headers(headers).map(shown).collect();
            message.serialize_entry("headers", &kind.masked(headers.into()))?;
            message.serialize_entry("body", &kind.masked(cut.clone().unwrap_or_else(|| body_entry(body))))?;
        }
        message.end()
    }
}

impl Kind<'_> {
    fn masked(&self, mut json: Json) -> Json {
        redact::json(&mut json, self.secrets);
        json
    }
}

/// JSON stays JSON unless it is long. Its secret keys are masked before it is cut: afterwards they couldn't be told.
fn body_entry(bytes: &[u8]) -> Json {
    if bytes.is_empty() {
        return Json::Null;
    }
    match serde_json::from_slice::<Json>(bytes) {
        Ok(mut json) if json.is_object() || json.is_array() => {
            redact::json(&mut json, &[]);
            short(&json)
        }
        _ => Json::from(cut(&String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_BODY_BYTES)]), bytes.len())),
    }
}

/// A value as it is, unless it is long.
fn short(value: &Json) -> Json {
    // not by `Display`, which takes several times as long
    let text = serde_json::to_string(value).expect("a JSON value always has a text");
    if text.len() <= LONGEST_BODY_BYTES { value.clone() } else { Json::from(cut(&text, text.len())) }
}

fn whole_or_cut(text: &str) -> Cow<'_, str> {
    cut(text, text.len())
}

fn cut(text: &str, whole_bytes: usize) -> Cow<'_, str> {
    let mut end = text.len().min(LONGEST_BODY_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end == whole_bytes {
        return text.into();
    }
    format!("{} … ({} of {whole_bytes} bytes)", &text[..end], end).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::*;

    fn finished(trace: Trace, detail: Detail, secrets: &[Secret]) -> Json {
        serde_json::from_str(&trace.finish(detail, secrets)).unwrap()
    }

    fn exchanged(body: &str) -> Json {
        let url = Url::parse("https://api.example.com/a?b=c").unwrap();
        let request = Request { method: "GET".into(), url: url.clone(), headers: vec![], body: Bytes::new() }.into();
        let answer = Answer { status: 200, headers: vec![], body: Bytes::from(body.to_owned()), url }.into();
        let trace = Trace::default();
        trace.record(&Event::Exchanged { step: "s", request: &request, answer: Ok(&answer), duration_ms: 3 });
        finished(trace, Detail::Full, &[Secret::new("hunter22")])[0]["answer"]["body"].take()
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
        let request = Request { method: "GET".into(), url: url.clone(), headers: vec![], body: Bytes::new() }.into();
        let headers = vec![("x-long".to_owned(), long)];
        let answer = Answer { status: 200, headers, body: Bytes::new(), url }.into();
        let trace = Trace::default();
        trace.record(&Event::Exchanged { step: "s", request: &request, answer: Ok(&answer), duration_ms: 3 });
        let kept = trace.finish(Detail::Full, &[]);
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
        let (method, body) = ("POST".into(), "their words".into());
        let request = Request { method, url: url.clone(), headers: headers.clone(), body }.into();
        let answer = Answer { status: 200, headers, body: "their name".into(), url }.into();
        let trace = Trace::default();
        trace.record(&Event::Exchanged { step: "s", request: &request, answer: Ok(&answer), duration_ms: 3 });
        trace.record(&Event::Ended { step: "s", output: &json!("their name").into() });
        let exchanged = json!({
            "step": "s", "event": "exchanged", "duration_ms": 3,
            "request": {"method": "POST", "url": "https://api.example.com/a"}, "answer": {"status": 200},
        });
        assert_eq!(finished(trace, Detail::Lines, &[]), json!([exchanged, {"step": "s", "event": "ended"}]));
    }

    #[test]
    fn a_long_run_keeps_the_first_entries_and_counts_the_rest() {
        let trace = Trace::default();
        for _ in 0..MOST_ENTRIES + 5 {
            trace.record(&Event::Skipped { step: "s" });
        }
        let entries = finished(trace, Detail::Full, &[]);
        assert_eq!(entries.as_array().unwrap().len(), MOST_ENTRIES + 1);
        assert_eq!(entries[MOST_ENTRIES], json!({"event": "dropped", "entries": 5}));
    }
}
