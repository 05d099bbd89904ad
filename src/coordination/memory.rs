//! What is shared within one process.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use tokio::{
    sync::broadcast::{Receiver, Sender},
    time::Instant,
};

use super::news::{KEPT, Told};

/// More notes than this are never kept.
const MOST_NOTES: u64 = 100_000;

/// Shared by the replicas that are given it.
pub struct Memory {
    told: Sender<Told>,
    notes: Cache<String, Note>,
}

#[derive(Clone)]
struct Note {
    value: Arc<[u8]>,
    end: Instant,
}

impl Default for Memory {
    fn default() -> Self {
        Self { told: Sender::new(KEPT), notes: Cache::new(MOST_NOTES) }
    }
}

impl Memory {
    pub(super) fn tell(&self, told: Told) {
        // an error means that nobody listens
        let _ = self.told.send(told);
    }

    pub(super) fn listen(&self) -> Receiver<Told> {
        self.told.subscribe()
    }

    pub(super) fn note(&self, key: &str, value: &[u8], life: Duration) {
        self.notes.insert(key.to_owned(), Note { value: value.into(), end: Instant::now() + life });
    }

    pub(super) fn noted(&self, key: &str) -> Option<Vec<u8>> {
        self.notes.get(key).filter(Note::lives).map(|it| it.value.to_vec())
    }

    pub(super) fn take(&self, key: &str, by: &str, life: Duration) -> bool {
        let note = Note { value: by.as_bytes().into(), end: Instant::now() + life };
        let taken = self.notes.entry(key.to_owned()).or_insert_with_if(|| note, |there| !there.lives());
        taken.is_fresh()
    }

    pub(super) fn give_back(&self, key: &str, by: &str) {
        if self.noted(key).as_deref() == Some(by.as_bytes()) {
            self.notes.invalidate(key);
        }
    }
}

impl Note {
    fn lives(&self) -> bool {
        Instant::now() < self.end
    }
}
