//! What the provider knows.

use std::{collections::HashMap, sync::OnceLock};

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use closeloop::base::Clock;
use indexmap::IndexMap;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value as Json, json};

use crate::clock::ManualClock;

/// The provider's state.
pub(crate) struct World {
    clock: ManualClock,
    serial: u64,
    key_pair: KeyPair,
    /// The provider's own, by which it tells; made when it first does.
    own_keys: OnceLock<KeyPair>,
    /// The merchant's secret on the ordinary hosts.
    pub(crate) server_key: String,
    /// The merchant's name on the signing host.
    pub(crate) client_id: String,
    /// The merchant's secret on the signing host.
    pub(crate) client_secret: String,
    /// The merchant's id.
    pub(crate) partner_id: String,
    /// Whether the HTTP status follows the verdict in the body. Both have been seen; by default it stays 200.
    pub(crate) mirror_status: bool,
    /// Whether banks refuse refunds.
    pub(crate) refuse_refunds: bool,
    /// Open checkout pages: order id → (token, amount).
    pub(super) sessions: HashMap<String, (String, u64)>,
    /// Payment links: order id → URL.
    pub(super) links: IndexMap<String, String>,
    /// By order id.
    pub(super) transactions: IndexMap<String, Transaction>,
    pub(super) tokens: HashMap<String, Timestamp>,
    /// Virtual accounts by `trxId`.
    pub(super) accounts: IndexMap<String, Account>,
    /// Whether banks decline cards.
    pub(crate) decline_cards: bool,
    /// What was answered under an idempotency key.
    pub(super) answered: HashMap<String, (u16, Json)>,
    /// `custom_field1` by order id.
    pub(super) marks: HashMap<String, String>,
    pub(crate) subscriptions: IndexMap<String, Json>,
    pub(crate) invoices: IndexMap<String, Json>,
    /// Reference → state.
    pub(crate) payouts: IndexMap<String, &'static str>,
}

/// A transaction: exists once the customer has picked a method.
pub(super) struct Transaction {
    pub(super) id: String,
    pub(super) order_id: String,
    pub(super) amount: u64,
    pub(super) payment_type: String,
    pub(super) status: &'static str,
    pub(super) time: String,
    pub(super) settled: Option<String>,
    pub(super) refunds: Vec<Refund>,
}

/// An accepted refund.
pub(super) struct Refund {
    pub(super) key: String,
    pub(super) amount: u64,
    pub(super) answer: Json,
}

/// A virtual account.
pub(super) struct Account {
    pub(super) asked: String,
    pub(super) data: Json,
    pub(super) paid: Option<String>,
}

impl World {
    pub(super) fn new(clock: ManualClock) -> Self {
        Self {
            clock,
            serial: 0,
            key_pair: KeyPair::generate(KeySize::Rsa2048).expect("a key of an allowed size can be made"),
            own_keys: OnceLock::new(),
            server_key: "SB-Mid-server-acme".to_owned(),
            client_id: "G123456789-SNAP".to_owned(),
            client_secret: "acmeClientSecret456".to_owned(),
            partner_id: "G123456789".to_owned(),
            mirror_status: false,
            refuse_refunds: false,
            sessions: HashMap::new(),
            links: IndexMap::new(),
            transactions: IndexMap::new(),
            tokens: HashMap::new(),
            accounts: IndexMap::new(),
            decline_cards: false,
            answered: HashMap::new(),
            marks: HashMap::new(),
            subscriptions: IndexMap::new(),
            invoices: IndexMap::new(),
            payouts: IndexMap::new(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number that nothing else has.
    pub(super) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The time in Jakarta, without saying so.
    pub(super) fn local_time(&self) -> String {
        let jakarta = TimeZone::get("Asia/Jakarta").expect("the zone is in every database");
        self.now().to_zoned(jakarta).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The merchant's private key, as PEM.
    pub(crate) fn private_key(&self) -> String {
        let der: Pkcs8V1Der<'_> = self.key_pair.as_der().expect("a generated key can be written");
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|it| std::str::from_utf8(it).ok()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    /// The half that the merchant has registered.
    pub(super) fn public_key(&self) -> PublicKeyX509Der<'_> {
        self.key_pair.public_key().as_der().expect("a generated key can be written")
    }

    pub(super) fn own_keys(&self) -> &KeyPair {
        self.own_keys.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).expect("a key of an allowed size can be made"))
    }

    /// The customer opens the checkout page and picks a method.
    pub(crate) fn choose_method(&mut self, order_id: &str, payment_type: &str) {
        let (_, amount) = self.sessions.remove(order_id).expect("the test opened a checkout page for this order");
        let id = format!("8f1d2c3b-4a5e-4f60-8a71-{:012}", self.next());
        let transaction = Transaction {
            id,
            order_id: order_id.to_owned(),
            amount,
            payment_type: payment_type.to_owned(),
            status: "pending",
            time: self.local_time(),
            settled: None,
            refunds: Vec::new(),
        };
        self.transactions.insert(order_id.to_owned(), transaction);
    }

    /// The customer pays.
    pub(crate) fn pay(&mut self, order_id: &str) {
        let settled = Some(self.local_time());
        let transaction = &mut self.transactions[order_id];
        transaction.status = "settlement";
        transaction.settled = settled;
    }

    /// The customer's card reserves the amount.
    pub(crate) fn reserve(&mut self, order_id: &str) -> String {
        self.choose_method(order_id, "credit_card");
        self.transactions[order_id].status = "authorize";
        self.transactions[order_id].id.clone()
    }

    /// What the merchant is told about an order as it stands, signed.
    pub(crate) fn notification(&self, order_id: &str) -> Json {
        let transaction = &self.transactions[order_id];
        let code = if transaction.status == "pending" { "201" } else { "200" };
        let mut told = transaction.fields(code, "midtrans payment notification");
        told["signature_key"] = transaction.signature(code, &self.server_key).into();
        told
    }

    /// How many payments were ever begun.
    pub(crate) fn transaction_count(&self) -> usize {
        self.transactions.len()
    }

    /// The bank says no.
    pub(crate) fn deny(&mut self, order_id: &str) {
        self.transactions[order_id].status = "deny";
    }

    /// The customer pays into a virtual account.
    pub(crate) fn pay_account(&mut self, trx_id: &str) {
        let time = self.now().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        self.accounts[trx_id].paid = Some(time);
    }

    /// How many refunds were made of an order, and what they come to.
    pub(crate) fn refunded(&self, order_id: &str) -> (usize, u64) {
        let refunds = &self.transactions[order_id].refunds;
        (refunds.len(), refunds.iter().map(|it| it.amount).sum())
    }

    /// How many virtual accounts exist.
    pub(crate) fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// All tokens of the signing host end now.
    pub(crate) fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    /// The order that an order id or a transaction id names.
    pub(super) fn order_of(&self, id: &str) -> Option<String> {
        let named = |it: &&Transaction| it.order_id == id || it.id == id;
        self.transactions.values().find(named).map(|it| it.order_id.clone())
    }
}

impl Transaction {
    /// What `status_code` says about this state.
    pub(super) fn code(&self) -> &'static str {
        match self.status {
            "pending" => "201",
            "deny" => "202",
            "expire" => "407",
            _ => "200",
        }
    }

    /// The fields that every answer about it repeats.
    pub(super) fn fields(&self, code: &str, message: &str) -> Json {
        let mut fields = json!({
            "status_code": code, "status_message": message, "transaction_id": self.id, "order_id": self.order_id,
            "merchant_id": "G123456789", "gross_amount": decimal(self.amount), "currency": "IDR",
            "payment_type": self.payment_type, "transaction_time": self.time, "transaction_status": self.status,
            "fraud_status": "accept",
        });
        if let Some(settled) = &self.settled {
            fields["settlement_time"] = settled.as_str().into();
        }
        fields
    }

    /// What the merchant can check the answer by.
    pub(super) fn signature(&self, code: &str, server_key: &str) -> String {
        let signed = format!("{}{code}{}{server_key}", self.order_id, decimal(self.amount));
        hex(digest::digest(&digest::SHA512, signed.as_bytes()).as_ref())
    }
}

/// Lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// Amounts come back as text with two decimals.
pub(super) fn decimal(amount: u64) -> String {
    format!("{amount}.00")
}
