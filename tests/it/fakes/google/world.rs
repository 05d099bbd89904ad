//! What the provider knows.

use std::collections::{BTreeSet, HashMap};

use closeloop::base::Clock;
use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Map, Value as Json};

use crate::{clock::ManualClock, fakes::Courier};

/// Short names of scopes; most of them stand behind a common prefix on the wire.
pub(crate) const SCOPE_PREFIX: &str = "https://www.googleapis.com/auth/";

/// What the user answers when asked for consent.
#[derive(Debug, Clone)]
pub(crate) enum Consent {
    /// Yes to everything.
    All,
    /// Yes to these only (granular consent: boxes left unticked).
    Only(Vec<String>),
    /// No.
    Denied,
}

/// The provider's state.
pub(crate) struct World {
    clock: ManualClock,
    serial: u64,
    /// The registered client.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: String,
    /// Where the browser may be sent back to.
    pub(crate) redirect_uris: Vec<String>,
    /// The account that signs in.
    pub(crate) user: String,
    /// What that user will answer.
    pub(crate) consent: Consent,
    /// Everything that the user ever granted to the project.
    pub(super) approved: BTreeSet<String>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) refresh_tokens: HashMap<String, BTreeSet<String>>,
    pub(super) access_tokens: HashMap<String, Access>,
    pub(super) calendars: IndexMap<String, Calendar>,
    /// Channels that calendars are watched by, with their addresses.
    pub(crate) channels: Vec<Json>,
    /// How it tells them.
    pub(crate) courier: Courier,
    pub(super) spreadsheets: super::sheets::Spreadsheets,
    pub(super) files: super::drive::Files,
    pub(super) documents: super::docs::Documents,
    /// All messages, the latest last.
    pub(crate) mailbox: Vec<super::mail::Message>,
    /// Invitations, updates and cancellations sent to guests: (guest, event id); and news of shared files: (address, file).
    pub(crate) mails: Vec<(String, String)>,
}

/// An authorization code that was given out.
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<(String, String)>,
    pub(super) scopes: BTreeSet<String>,
    pub(super) offline: bool,
    pub(super) expires: Timestamp,
    pub(super) used: bool,
}

/// An access token that was given out.
pub(super) struct Access {
    pub(super) scopes: BTreeSet<String>,
    pub(super) expires: Timestamp,
}

/// A calendar and its events.
pub(super) struct Calendar {
    pub(super) summary: String,
    pub(super) summary_override: Option<String>,
    pub(super) zone: TimeZone,
    pub(super) role: String,
    /// The reason given instead of busy times, if it can't be read.
    pub(super) failing: Option<String>,
    pub(super) events: IndexMap<String, Event>,
}

/// An event; its text is kept as it was given.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) fields: Map<String, Json>,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) version: u64,
}

impl World {
    pub(super) fn new(clock: ManualClock) -> Self {
        let mut world = Self {
            clock,
            serial: 0,
            client_id: "812345678901-abc.apps.googleusercontent.com".to_owned(),
            client_secret: "GOCSPX-EXAMPLE".to_owned(),
            redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
            user: "owner@example.com".to_owned(),
            consent: Consent::All,
            approved: BTreeSet::new(),
            codes: HashMap::new(),
            refresh_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            calendars: IndexMap::new(),
            channels: Vec::new(),
            courier: Courier::default(),
            spreadsheets: IndexMap::new(),
            files: IndexMap::new(),
            documents: IndexMap::new(),
            mailbox: Vec::new(),
            mails: Vec::new(),
        };
        world.add_calendar("owner@example.com", "owner@example.com", "Asia/Jakarta", "owner");
        world
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number that nothing else has.
    pub(super) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The time with milliseconds in which nothing else happens.
    pub(super) fn now_ordered(&mut self) -> String {
        let passed = i64::try_from(self.next() % 1000).expect("less than a second");
        let now = self.now() + SignedDuration::from_millis(passed);
        now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    /// Adds a calendar to the user's list.
    pub(crate) fn add_calendar(&mut self, id: &str, summary: &str, zone: &str, role: &str) {
        let calendar = Calendar {
            summary: summary.to_owned(),
            summary_override: None,
            zone: TimeZone::get(zone).expect("the test names an IANA zone"),
            role: role.to_owned(),
            failing: None,
            events: IndexMap::new(),
        };
        self.calendars.insert(id.to_owned(), calendar);
    }

    /// Gives a calendar the user's own name for it.
    pub(crate) fn rename_calendar(&mut self, id: &str, name: &str) {
        self.calendars[id].summary_override = Some(name.to_owned());
    }

    /// From now on free/busy answers `reason` for this calendar, inside a 200.
    pub(crate) fn break_calendar(&mut self, id: &str, reason: &str) {
        self.calendars[id].failing = Some(reason.to_owned());
    }

    /// Puts an event into a calendar, as the owner would do by hand; gives its id.
    pub(crate) fn add_event(&mut self, calendar: &str, fields: Json) -> String {
        let Json::Object(fields) = fields else { panic!("an event is an object") };
        let id = format!("byhand{:05}", self.next());
        let calendar = self.calendar_id(calendar).expect("the test names a calendar of the user").to_owned();
        super::events::store(self, &calendar, &id, fields).expect("the test's event is valid");
        id
    }

    /// A spreadsheet of the user, made if there is none yet.
    pub(crate) fn spreadsheet(&mut self, id: &str) -> &mut super::sheets::Spreadsheet {
        self.spreadsheets.entry(id.to_owned()).or_default()
    }

    /// A file of the user, made if there is none yet.
    pub(crate) fn file(&mut self, id: &str) -> &mut super::drive::File {
        self.files.entry(id.to_owned()).or_default()
    }

    /// How many files there are.
    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The latest file.
    pub(crate) fn latest_file(&self) -> (&String, &super::drive::File) {
        self.files.last().expect("there is a file")
    }

    /// Makes a file a document with this text.
    pub(crate) fn add_document(&mut self, id: &str, text: &str) -> &mut super::docs::Document {
        "application/vnd.google-apps.document".clone_into(&mut self.file(id).mime);
        self.documents.insert(id.to_owned(), super::docs::Document::of(text));
        &mut self.documents[id]
    }

    /// A document's text.
    pub(crate) fn text(&self, id: &str) -> &str {
        &self.documents[id].text
    }

    /// Somebody else's message arrives.
    pub(crate) fn receive(&mut self, thread: Option<&str>, text: &str) -> String {
        let id = format!("18c2f0a1b2c3{:04x}", self.next());
        let thread = thread.map_or_else(|| id.clone(), str::to_owned);
        let labels = ["INBOX", "UNREAD"].map(str::to_owned).to_vec();
        self.mailbox.push(super::mail::Message { id: id.clone(), thread, labels, text: text.replace('\n', "\r\n") });
        id
    }

    /// An event as the provider would answer it, cancelled ones too.
    pub(crate) fn event(&self, calendar: &str, id: &str) -> Option<Json> {
        let calendar = &self.calendars[self.calendar_id(calendar)?];
        calendar.events.get(id).map(|it| super::events::render(it, &calendar.zone))
    }

    /// How many events a calendar holds, without the cancelled ones.
    pub(crate) fn event_count(&self, calendar: &str) -> usize {
        let Some(id) = self.calendar_id(calendar) else { return 0 };
        self.calendars[id].events.values().filter(|it| !it.is_cancelled()).count()
    }

    /// All access tokens end now, as they do after their hour.
    pub(crate) fn expire_access_tokens(&mut self) {
        self.access_tokens.clear();
    }

    /// The user takes back what was granted: every token of the project dies.
    pub(crate) fn revoke_everything(&mut self) {
        self.access_tokens.clear();
        self.refresh_tokens.clear();
        self.approved.clear();
    }

    /// The stored key of a calendar; `primary` is an alias.
    pub(super) fn calendar_id<'a>(&'a self, id: &'a str) -> Option<&'a str> {
        let id = if id == "primary" { &self.user } else { id };
        self.calendars.contains_key(id).then_some(id)
    }

    /// A new access token.
    pub(super) fn mint(&mut self, scopes: BTreeSet<String>) -> String {
        let token = format!("ya29.a0EX{}", self.next());
        let expires = self.now() + SignedDuration::from_secs(3599);
        self.access_tokens.insert(token.clone(), Access { scopes, expires });
        token
    }
}

impl Event {
    pub(super) fn is_cancelled(&self) -> bool {
        self.fields.get("status").and_then(Json::as_str) == Some("cancelled")
    }

    pub(super) fn updated(&self) -> Timestamp {
        let at = self.fields.get("updated").and_then(Json::as_str).and_then(|it| it.parse().ok());
        at.expect("every event has it")
    }

    /// Whether it makes its owner busy.
    pub(super) fn blocks(&self) -> bool {
        !self.is_cancelled() && self.fields.get("transparency").and_then(Json::as_str) != Some("transparent")
    }

    pub(super) fn etag(&self) -> String {
        format!("\"35412345678{:05}\"", self.version)
    }
}
