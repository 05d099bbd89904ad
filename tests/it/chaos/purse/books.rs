//! What the provider has done, for whom, and how often.

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};

/// Everything that really happened.
#[derive(Debug, Default)]
pub(crate) struct Books {
    serial: u64,
    payments: HashMap<String, Vec<String>>,
    refunds: HashMap<String, Vec<String>>,
    /// A place of an order, and whether it is still held.
    places: HashMap<String, Vec<(String, bool)>>,
    orders: HashMap<String, Order>,
    receipts: HashMap<String, u32>,
    /// What was answered to a path and an idempotency key, and for which order.
    answered: HashMap<(&'static str, String), (String, Json)>,
    /// What was told and taken, by its id.
    pub(super) told: HashSet<String>,
}

#[derive(Debug, Default)]
struct Order {
    opened: u32,
    paid: bool,
}

/// What happened for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Happened {
    pub(crate) payments: usize,
    pub(crate) refunds: usize,
    pub(crate) places_made: usize,
    pub(crate) places_held: usize,
    pub(crate) orders: u32,
    pub(crate) receipts: u32,
}

/// A status and a body.
pub(super) type Reply = (u16, Json);

impl Books {
    /// All that is known of an order.
    pub(crate) fn of(&self, order: &str) -> Happened {
        let places = self.places.get(order);
        Happened {
            payments: self.payments.get(order).map_or(0, Vec::len),
            refunds: self.refunds.get(order).map_or(0, Vec::len),
            places_made: places.map_or(0, Vec::len),
            places_held: places.map_or(0, |it| it.iter().filter(|(_, held)| *held).count()),
            orders: self.orders.get(order).map_or(0, |it| it.opened),
            receipts: self.receipts.get(order).copied().unwrap_or_default(),
        }
    }

    /// The ids of what was told and taken.
    pub(crate) fn told(&self) -> &HashSet<String> {
        &self.told
    }

    /// How many payments, refunds, places, orders and receipts there are.
    pub(crate) fn effects(&self) -> usize {
        let receipts: u32 = self.receipts.values().sum();
        self.payments.values().chain(self.refunds.values()).map(Vec::len).sum::<usize>()
            + self.places.values().map(Vec::len).sum::<usize>()
            + self.orders.len()
            + receipts as usize
    }

    fn id(&mut self, of: &str) -> String {
        self.serial += 1;
        format!("{of}{}", self.serial)
    }

    /// Once for each key, if there is one; the same key for another order is refused.
    fn once(
        &mut self,
        path: &'static str,
        key: Option<&str>,
        order: &str,
        work: impl FnOnce(&mut Self) -> Json,
    ) -> Reply {
        if let Some((before, answer)) = key.and_then(|it| self.answered.get(&(path, it.to_owned()))) {
            return if before == order { (201, answer.clone()) } else { (422, json!({"error": "the key was used"})) };
        }
        let answer = work(self);
        if let Some(key) = key {
            self.answered.insert((path, key.to_owned()), (order.to_owned(), answer.clone()));
        }
        (201, answer)
    }

    pub(super) fn pay(&mut self, key: Option<&str>, order: &str) -> Reply {
        self.once("payments", key, order, |books| {
            let id = books.id("pay");
            books.payments.entry(order.to_owned()).or_default().push(id.clone());
            json!({"id": id})
        })
    }

    pub(super) fn payments(&self, order: &str) -> Reply {
        let ids = self.payments.get(order).into_iter().flatten();
        (200, json!({"data": ids.map(|id| json!({"id": id})).collect::<Vec<_>>()}))
    }

    pub(super) fn refund(&mut self, key: &str, order: &str) -> Reply {
        if !self.payments.contains_key(order) {
            return (404, json!({"error": "there is no such payment"}));
        }
        self.once("refunds", Some(key), order, |books| {
            let id = books.id("ref");
            books.refunds.entry(order.to_owned()).or_default().push(id.clone());
            json!({"id": id})
        })
    }

    pub(super) fn refund_by(&self, key: &str) -> Reply {
        let known = self.answered.get(&("refunds", key.to_owned()));
        known.map_or((404, json!({"error": "there is none"})), |(_, answer)| (200, answer.clone()))
    }

    pub(super) fn hold(&mut self, order: &str) -> Reply {
        let id = self.id("place");
        self.places.entry(order.to_owned()).or_default().push((id.clone(), true));
        (201, json!({"id": id}))
    }

    pub(super) fn places(&self, order: &str) -> Reply {
        let held = self.places.get(order).into_iter().flatten().filter(|(_, held)| *held);
        (200, json!({"data": held.map(|(id, _)| json!({"id": id})).collect::<Vec<_>>()}))
    }

    pub(super) fn give_back(&mut self, id: &str) -> Reply {
        match self.places.values_mut().flatten().find(|(it, held)| it == id && *held) {
            Some(place) => {
                place.1 = false;
                (200, json!({}))
            }
            None => (404, json!({"error": "nobody holds it"})),
        }
    }

    /// Whether it is new is the second.
    pub(super) fn open(&mut self, key: Option<&str>, order: &str) -> (Reply, bool) {
        let before = self.orders.get(order).map_or(0, |it| it.opened);
        let reply = self.once("orders", key, order, |books| {
            books.orders.entry(order.to_owned()).or_default().opened += 1;
            json!({"id": order})
        });
        (reply, self.orders.get(order).is_some_and(|it| it.opened > before))
    }

    pub(super) fn is_paid(&mut self, order: &str) {
        self.orders.entry(order.to_owned()).or_default().paid = true;
    }

    pub(super) fn order(&self, order: &str) -> Reply {
        match self.orders.get(order) {
            Some(it) => (200, json!({"order": order, "status": if it.paid { "paid" } else { "open" }})),
            None => (404, json!({"error": "there is no such order"})),
        }
    }

    pub(super) fn receipt(&mut self, key: Option<&str>, order: &str) -> Reply {
        self.once("receipts", key, order, |books| {
            *books.receipts.entry(order.to_owned()).or_default() += 1;
            json!({"id": books.id("rec")})
        })
    }
}
