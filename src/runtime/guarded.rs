//! Looks right before a request leaves whether this replica may still send it.

use std::{
    future::ready,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    base::{BoxFuture, Code},
    interpreter::Observer,
    spec::Http,
    transport::{SendError, Sender, Signed},
    wire::Answer,
};

/// The way to providers of one run.
///
/// Between the note of a write and its leaving, turns, places and tokens are waited for. A replica that stood still meanwhile
/// may have been taken for dead, and its run be another one's, which has looked and sent the same.
pub(super) struct Guarded<'a> {
    sender: &'a dyn Sender,
    observer: &'a dyn Observer,
    refused: AtomicBool,
}

impl<'a> Guarded<'a> {
    pub(super) fn new(sender: &'a dyn Sender, observer: &'a dyn Observer) -> Self {
        Self { sender, observer, refused: AtomicBool::new(false) }
    }

    /// Whether something did not leave: then the run is to be gone on with by whoever claims it.
    pub(super) fn has_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Sender for Guarded<'_> {
    fn send_signed<'a>(
        &'a self,
        signed: Signed,
        http: &'a Http,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Answer, SendError>> {
        if self.observer.may_send() {
            return self.sender.send_signed(signed, http, timeout);
        }
        self.refused.store(true, Ordering::Relaxed);
        // no fault of the provider's
        let why = SendError::not_sent(Code::ProviderError, "this replica could not tell for a while that it lives");
        Box::pin(ready(Err(SendError { held_back: true, ..why })))
    }
}
