//! The provider of a simulated world: its state, and each replica's way to it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{Ground, LEASE};
use crate::{
    base::{BoxFuture, Code, ConnectionId, OrgId},
    spec::Http,
    system::simulation::{Came, Door, World},
    transport::{SendError, Sender, Signed},
    wire::Answer,
};

/// So long its tokens live.
pub(super) const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// What it knows.
pub(super) struct Book {
    /// Whether it takes all tokens of a grant back when one of its refresh tokens comes twice.
    detects_reuse: bool,
    refresh: String,
    /// Access tokens, and their ends.
    access: HashMap<String, Timestamp>,
    /// Counts what it handed out.
    issued: usize,
    /// Accepted refreshes.
    pub(super) refreshes: usize,
    /// Refreshes with a token that was used before.
    pub(super) reused: usize,
    /// Refreshes that came from a replica whose right to do so had ended.
    pub(super) late: usize,
    /// Calls with an access token that never was in the store.
    pub(super) unstored: usize,
    /// The access tokens that were seen there.
    pub(super) stored: BTreeSet<String>,
}

/// The provider.
#[derive(Clone)]
pub(super) struct Provider {
    world: World,
    book: Arc<Mutex<Book>>,
}

/// A replica's way there.
pub(super) struct Way {
    pub(super) provider: Provider,
    pub(super) door: Door,
    /// Whether a replica can be stopped between its last look at its lease and the refresh.
    pub(super) stops_before_refresh: bool,
    pub(super) ground: Arc<Ground>,
    pub(super) connection: (OrgId, ConnectionId),
}

impl Provider {
    pub(super) fn new(world: World, detects_reuse: bool) -> Self {
        let book = Book {
            detects_reuse,
            refresh: String::new(),
            access: HashMap::new(),
            issued: 0,
            refreshes: 0,
            reused: 0,
            late: 0,
            unstored: 0,
            stored: BTreeSet::new(),
        };
        Self { world, book: Arc::new(Mutex::new(book)) }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    fn answer(&self, signed: &Signed) -> Answer {
        let (now, url) = (self.world.now(), signed.request.url.clone());
        let (status, body) = match url.path() {
            "/token" => self.book().token(&signed.request.body, now),
            "/me" => self.book().me(signed, now),
            other => panic!("{other}"),
        };
        Answer { status, headers: Vec::new(), body: body.to_string().into(), url }
    }
}

impl Book {
    fn token(&mut self, form: &[u8], now: Timestamp) -> (u16, Json) {
        let form: HashMap<_, _> = url::form_urlencoded::parse(form).into_owned().collect();
        if form["grant_type"] == "refresh_token" {
            if form["refresh_token"] != self.refresh {
                self.reused += 1;
                if self.detects_reuse {
                    self.refresh.clear();
                    self.access.clear();
                }
                return (400, json!({"error": "invalid_grant"}));
            }
            self.refreshes += 1;
        }
        self.issued += 1;
        let (access, refresh) = (format!("access-{}", self.issued), format!("refresh-{}", self.issued));
        self.access.insert(access.clone(), now + LIFE);
        self.refresh.clone_from(&refresh);
        let answer = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": LIFE.as_secs(),
            "tenant": "eu",
        });
        (200, answer)
    }

    fn me(&mut self, signed: &Signed, now: Timestamp) -> (u16, Json) {
        let works = self.access.get(bearer(signed)).is_some_and(|end| now < *end);
        if works { (200, json!({"email": "owner@example.com", "id": "u-1"})) } else { (401, json!({})) }
    }
}

fn bearer(signed: &Signed) -> &str {
    let (_, value) = signed.headers.iter().find(|(name, _)| name == "authorization").unwrap();
    value.expose().trim_start_matches("Bearer ")
}

/// Without a door: what is there before the schedule begins.
impl Sender for Provider {
    fn send_signed<'a>(&'a self, signed: Signed, _: &'a Http, _: Duration) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(std::future::ready(Ok(self.answer(&signed))))
    }
}

impl Sender for Way {
    fn send_signed<'a>(&'a self, signed: Signed, _: &'a Http, _: Duration) -> BoxFuture<'a, Result<Answer, SendError>> {
        let lost = |came| match came {
            Came::Nowhere => Err(SendError::not_sent(Code::Unavailable, "it can't be reached")),
            Came::There => Err(SendError::maybe_sent(Code::Timeout, "it does not answer")),
        };
        Box::pin(async move {
            if signed.request.url.path() != "/token" {
                let call = async {
                    let stored = self.ground.stored(self.connection.0, self.connection.1).await;
                    let mut book = self.provider.book();
                    book.stored.extend(stored);
                    book.unstored += usize::from(!book.stored.contains(bearer(&signed)));
                    drop(book);
                    Ok(self.provider.answer(&signed))
                };
                return self.door.pass("call", lost, call).await;
            }
            let refresh = || {
                let leased = self.provider.world.last(&self.door, "UPDATE connections SET lease_owner = $4");
                let since = self.provider.world.now().duration_since(leased.unwrap());
                self.provider.book().late += usize::from(since > LEASE);
                Ok(self.provider.answer(&signed))
            };
            match self.stops_before_refresh {
                true => self.door.pass("refresh", lost, async { refresh() }).await,
                false => self.door.at_once("refresh", || lost(Came::There), refresh).await,
            }
        })
    }
}
