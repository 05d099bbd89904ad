//! Steps that wait.

use std::time::Duration;

use super::{Lower, value::Paths};
use crate::{
    diag::{Diagnostic, codes},
    spec::{
        RequestStep, StepKind, Wait, WaitEvent, WaitPoll,
        facts::Part,
        keys::{POLL, WAIT},
    },
    yaml::{Entry, Reader},
};

/// A shorter pause would be a busy loop.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// What was delivered is remembered about so long.
const LONGEST_WAIT: Duration = Duration::from_hours(30 * 24);

impl Lower<'_> {
    /// `wait`
    pub(super) fn wait(&mut self, entry: &Entry) -> Option<StepKind> {
        let reader = Reader::open_entry(entry, &WAIT, self.diagnostics)?;
        let event = self.wait_event(&reader);
        let poll = reader.section("poll", &POLL, self.diagnostics).and_then(|it| self.wait_poll(&it));
        if !reader.has("event") && !reader.has("poll") {
            let message = "`wait` lacks what it waits for";
            self.report(
                Diagnostic::error(codes::MISSING_KEY, reader.at(), message)
                    .help("give it `event` and `for`, or `poll`, or both"),
            );
        }
        let timeout = reader.duration("timeout", self.diagnostics);
        self.within(&reader, "timeout", timeout, |it| it <= LONGEST_WAIT, "at most 30d");
        let on_timeout = self.shape_at(&reader, "on_timeout", Paths::Refused);
        Some(StepKind::Wait(Box::new(Wait { event, poll, timeout: timeout?, on_timeout })))
    }

    fn wait_event(&mut self, reader: &Reader<'_>) -> Option<WaitEvent> {
        if !reader.has("event") {
            self.misplaced(reader, &["for", "until"], "means nothing without `event`");
        } else if !reader.has("for") {
            let message = "`event` needs `for` beside it: which one is waited for";
            self.report(
                Diagnostic::error(codes::MISSING_KEY, reader.entry("event")?.key_span, message)
                    .help("for example `for: \"{{ steps.create.id }}\"`"),
            );
        }
        let name = self.reference(reader, "event", Part::Event);
        let of = self.text_at(reader, "for");
        let until = self.expr_at(reader, "until");
        Some(WaitEvent { name: name?, of: of?, until })
    }

    fn wait_poll(&mut self, reader: &Reader<'_>) -> Option<WaitPoll> {
        let request = self.request(reader);
        let step = RequestStep::reading(request, self.rules(reader, "errors"));
        let every = reader.duration("every", self.diagnostics);
        self.within(reader, "every", every, |it| it >= SHORTEST_PAUSE, "at least 1s");
        let until = self.expr_at(reader, "until");
        let output = self.shape_at(reader, "output", Paths::Allowed);
        Some(WaitPoll { step: step?, every: every?, until: until?, output })
    }

    fn within(
        &mut self,
        reader: &Reader<'_>,
        key: &str,
        duration: Option<Duration>,
        fits: impl Fn(Duration) -> bool,
        words: &str,
    ) {
        if let (Some(duration), Some(node)) = (duration, reader.node(key))
            && !fits(duration)
        {
            let message = format!("`{key}` must be {words}, not {}", node.as_text().unwrap_or_default());
            self.error(codes::BAD_VALUE, node.span, message);
        }
    }
}
