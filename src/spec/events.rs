//! What a provider tells without being asked: how it is received, believed and understood, and how it is asked for.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{Plan, Url};
use crate::{
    diag::Span,
    expr::{Expr, Shape, Text},
    signing::Algorithm,
};

/// `events`
#[derive(Debug)]
pub struct Events {
    /// How a delivery is read and believed.
    pub receive: Receive,
    /// What it can mean; the first whose `when` holds is it.
    pub types: IndexMap<String, ProviderEvent>,
    /// How the provider is told our address, where a request can do that.
    pub subscribe: Option<Subscribe>,
}

/// How a delivery is read and believed.
#[derive(Debug)]
pub struct Receive {
    /// Deliveries that only want an answer, before anything is believed.
    pub handshake: Option<Handshake>,
    /// What a delivery that can be believed has, by the first that is for it; without any, each event is confirmed.
    pub verify: Vec<Verification>,
    /// Several notifications in one delivery; `$` is its body.
    pub each: Option<Shape>,
    /// What a delivery is answered once it is stored.
    pub answer: Reply,
}

/// A delivery that is answered and forgotten.
#[derive(Debug)]
pub struct Handshake {
    /// Over `request`.
    pub when: Arc<Expr>,
    /// What it is answered.
    pub answer: Reply,
}

/// An answer of ours to a provider.
#[derive(Debug, Default)]
pub struct Reply {
    /// Status code; 0 stands for 200.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, Text)>,
    /// A JSON body.
    pub body: Option<Shape>,
    /// A text body.
    pub text: Option<Text>,
}

/// What only the provider could have written. All that is there must hold.
#[derive(Debug)]
pub struct Verification {
    /// Its place.
    pub span: Span,
    /// Over `request`: which deliveries it is for; without it, all.
    pub when: Option<Arc<Expr>>,
    /// Something that is what it must be.
    pub compared: Option<Compared>,
    /// A signature of something by the provider's key.
    pub signature: Option<Signature>,
    /// A token by one of the provider's keys.
    pub jwt: Option<Jwt>,
    /// When the provider says that it wrote it.
    pub timestamp: Option<Arc<Expr>>,
    /// How far from now that may be, and how far clocks may differ about a token's times.
    pub tolerance: Duration,
    /// What it is checked with: `auth.<field>` and `subscription.secret` by root and name. While one of them is missing nothing is
    /// believed, since anybody could compute the rest.
    pub secrets: Vec<(String, String)>,
}

/// Two texts that must be the same.
#[derive(Debug)]
pub struct Compared {
    /// What the delivery brings; compared in constant time with …
    pub given: Text,
    /// … what it must be.
    pub expected: Text,
}

/// A signature that stands beside what it signs.
#[derive(Debug)]
pub struct Signature {
    /// What the delivery brings.
    pub given: Text,
    /// Whether that is in hexadecimal, rather than in base64.
    pub hex: bool,
    /// What is signed.
    pub over: Text,
    /// How.
    pub algorithm: Algorithm,
    /// The provider's public key.
    pub key: Text,
}

/// A JSON Web Token that the provider has signed.
#[derive(Debug)]
pub struct Jwt {
    /// What the delivery brings.
    pub given: Text,
    /// How it must be signed, whatever it says itself.
    pub algorithm: Algorithm,
    /// The provider's public keys.
    pub keys: Keys,
    /// What `iss` must be.
    pub issuer: Option<Text>,
    /// What `aud` must be, or hold.
    pub audience: Option<Text>,
}

/// Where public keys are.
#[derive(Debug)]
pub enum Keys {
    /// Here, or in the form.
    Given(Text),
    /// At an address of the provider (RFC 7517 §5).
    At(Url),
}

impl Verification {
    /// The keys that it checks with, as far as they are given.
    pub fn given_keys(&self) -> impl Iterator<Item = (&Text, Algorithm)> {
        let of_jwt = self.jwt.iter().filter_map(|it| match &it.keys {
            Keys::Given(key) => Some((key, it.algorithm)),
            Keys::At(_) => None,
        });
        self.signature.iter().map(|it| (&it.key, it.algorithm)).chain(of_jwt)
    }

    /// All of its templates that see the delivery.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let compared = self.compared.iter().flat_map(|it| [&it.given, &it.expected]);
        let signature = self.signature.iter().flat_map(|it| [&it.given, &it.over]);
        let jwt = self.jwt.iter().flat_map(|it| [Some(&it.given), it.issuer.as_ref(), it.audience.as_ref()]);
        compared.chain(signature).chain(jwt.flatten()).chain(self.given_keys().map(|(key, _)| key))
    }
}

/// Something that a provider tells.
#[derive(Debug)]
pub struct ProviderEvent {
    /// Its key.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// For people.
    pub title: String,
    /// For people.
    pub describe: String,
    /// Over `request` and `item`; without it, always.
    pub when: Option<Arc<Expr>>,
    /// The same for every delivery of the same thing.
    pub id: Text,
    /// Confirms it, if it has to be, and gives `{correlate, output}`.
    pub plan: Plan,
    /// Whether it says which execution may wait for it.
    pub correlates: bool,
}

impl ProviderEvent {
    /// The event's output, as it is written.
    pub fn output(&self) -> Option<&Shape> {
        match &self.plan.output {
            Shape::Map(entries) => entries.iter().find(|(key, _)| key == "output").map(|(_, shape)| shape),
            _ => None,
        }
    }
}

/// How the provider is told our address.
#[derive(Debug)]
pub struct Subscribe {
    /// Without these nothing is subscribed to.
    pub scopes: Vec<String>,
    /// Its output is what `subscription.<name>` holds; `expires_at` among it says until when.
    pub subscribe: Plan,
    /// Prolongs it; its output takes the place of what has the same name.
    pub renew: Option<Plan>,
    /// So long before the end.
    pub before: Duration,
    /// Ends it.
    pub remove: Option<Plan>,
}

/// A step that waits for something to happen; its execution is parked meanwhile.
#[derive(Debug)]
pub struct Wait {
    /// An event of the connector.
    pub event: Option<WaitEvent>,
    /// A question that is asked again and again.
    pub poll: Option<WaitPoll>,
    /// So long at most.
    pub timeout: Duration,
    /// What the step gives then, in place of a failure.
    pub on_timeout: Option<Shape>,
}

/// The event that a step waits for.
#[derive(Debug)]
pub struct WaitEvent {
    /// Its name in `events.types`.
    pub name: String,
    /// Only one with this `correlate`.
    pub of: Text,
    /// Only one of which this holds, by `event`.
    pub until: Option<Arc<Expr>>,
}

/// What a step that waits asks the provider meanwhile.
#[derive(Debug)]
pub struct WaitPoll {
    /// The question; its output is the step's.
    pub step: super::RequestStep,
    /// So often.
    pub every: Duration,
    /// Over the answer.
    pub until: Arc<Expr>,
    /// What the step gives; the answer's body without it.
    pub output: Option<Shape>,
}
