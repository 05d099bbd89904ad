//! What providers' answers tell of the providers' own limits: where nothing is left, nobody asks before there is again.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use serde::{Deserialize, Serialize};

use crate::{
    base::{Clock, Code, ConnectionId, lock},
    spec::{Allowance, ResetUnit},
    transport::SendError,
    wire::Answer,
};

/// Nobody is kept waiting for longer on a header's word: then one request finds out whether it was right.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// So many connections without anything left are remembered.
const MAX_CONNECTIONS: usize = 50_000;

/// What is known already is told to others again only if it lasts so much longer.
const NEWS: SignedDuration = SignedDuration::from_secs(1);

/// That a connection, or all of a connector, have nothing left until an instant: what replicas tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Whose limit it is.
    pub connector: String,
    /// Of one connection, if each has a limit of its own.
    pub connection: Option<ConnectionId>,
    /// When it is renewed.
    pub until: Timestamp,
}

/// Tells other replicas. What is lost on the way costs a few requests that are refused, and nothing else.
pub trait Crier: Send + Sync {
    /// Doesn't wait.
    fn cry(&self, spent: &Spent);
}

/// Who has nothing left, and until when. In memory: the next answer tells it anew.
#[derive(Default)]
pub struct Allowances {
    crier: Option<Arc<dyn Crier>>,
    /// There is somebody.
    any: AtomicBool,
    spent: Mutex<ByConnector>,
}

/// By connector, and by connection if each has a limit of its own.
type ByConnector = HashMap<String, HashMap<Option<ConnectionId>, Timestamp>>;

impl Allowances {
    /// With somebody who tells other replicas.
    #[must_use]
    pub fn with_crier(self, crier: Arc<dyn Crier>) -> Self {
        Self { crier: Some(crier), ..self }
    }

    /// Waits until there is something left.
    ///
    /// # Errors
    /// `rate_limited`, at once, if that would take longer than `patience`.
    pub async fn turn(
        &self,
        limit: &Allowance,
        connector: &str,
        connection: ConnectionId,
        patience: Duration,
        clock: &dyn Clock,
    ) -> Result<(), SendError> {
        let Some(wait) = self.wait(limit, connector, connection, clock.now()) else { return Ok(()) };
        if wait > patience {
            let error =
                SendError::not_sent(Code::RateLimited, "the provider has said that nothing of its limit is left");
            return Err(SendError { retry_after: Some(wait), ..error });
        }
        clock.sleep(wait).await;
        Ok(())
    }

    /// Keeps what an answer tells; one that tells nothing changes nothing.
    pub fn note(&self, limit: &Allowance, connector: &str, connection: ConnectionId, answer: &Answer, now: Timestamp) {
        let left: Option<u64> = answer.header(&limit.remaining).and_then(|it| it.trim().parse().ok());
        if left != Some(0) {
            return;
        }
        let Some(until) = renewed_in(limit, answer, now).filter(|it| !it.is_zero()) else { return };
        let until = now.checked_add(until.min(LONGEST_HOLD)).unwrap_or(Timestamp::MAX);
        let connection = limit.per_connection.then_some(connection);
        let spent = Spent { connector: connector.to_owned(), connection, until };
        if self.keep(&spent, now)
            && let Some(crier) = &self.crier
        {
            crier.cry(&spent);
        }
    }

    /// Keeps what another replica was told.
    pub fn heard(&self, spent: &Spent, now: Timestamp) {
        let longest = now.checked_add(LONGEST_HOLD).unwrap_or(Timestamp::MAX);
        self.keep(&Spent { until: spent.until.min(longest), ..spent.clone() }, now);
    }

    /// Whether that is news.
    fn keep(&self, it: &Spent, now: Timestamp) -> bool {
        if it.until <= now {
            return false;
        }
        let mut spent = self.spent();
        if spent.values().map(HashMap::len).sum::<usize>() >= MAX_CONNECTIONS {
            forget(&mut spent, now);
        }
        let before = spent.entry(it.connector.clone()).or_default().insert(it.connection, it.until);
        self.any.store(true, Ordering::Release);
        before.is_none_or(|before| it.until.duration_since(before.max(now)) >= NEWS)
    }

    /// How long there is nothing left.
    fn wait(&self, limit: &Allowance, connector: &str, connection: ConnectionId, now: Timestamp) -> Option<Duration> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut spent = self.spent();
        let until = spent.get(connector).and_then(|it| it.get(&limit.per_connection.then_some(connection))).copied()?;
        let wait = Duration::try_from(until.duration_since(now)).ok().filter(|it| !it.is_zero());
        if wait.is_none() {
            forget(&mut spent, now);
            self.any.store(!spent.is_empty(), Ordering::Release);
        }
        wait
    }

    fn spent(&self) -> MutexGuard<'_, ByConnector> {
        lock(&self.spent)
    }
}

/// Forgets those that have something left again.
fn forget(spent: &mut ByConnector, now: Timestamp) {
    for of_one in spent.values_mut() {
        of_one.retain(|_, until| *until > now);
    }
    spent.retain(|_, of_one| !of_one.is_empty());
}

/// In what time the provider's limit is renewed, as its answer says in the unit that the connector declares.
pub fn renewed_in(limit: &Allowance, answer: &Answer, now: Timestamp) -> Option<Duration> {
    let text = answer.header(&limit.reset)?.trim();
    let number = || text.parse::<f64>().ok().filter(|it| it.is_finite() && *it >= 0.0);
    let until = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
    match limit.unit {
        ResetUnit::Seconds => Duration::try_from_secs_f64(number()?).ok(),
        ResetUnit::Milliseconds => Duration::try_from_secs_f64(number()? / 1000.0).ok(),
        // the fraction of a second is cut off
        ResetUnit::EpochSeconds => Timestamp::from_second(number()? as i64).ok().map(until),
        ResetUnit::EpochMilliseconds => Timestamp::from_millisecond(number()? as i64).ok().map(until),
        ResetUnit::Date => {
            let date = rfc2822::parse(text).map(|it| it.timestamp()).or_else(|_| text.parse());
            date.ok().map(until)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::clock::FixedClock, system::SystemRandom};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn limit(per_connection: bool, unit: ResetUnit) -> Allowance {
        Allowance { per_connection, remaining: "x-left".to_owned(), reset: "x-reset".to_owned(), unit }
    }

    fn answer(left: &str, reset: &str) -> Answer {
        let headers = [("x-left", left), ("x-reset", reset)];
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = url::Url::parse("https://api.example.com/").unwrap();
        Answer { status: 200, headers, body: bytes::Bytes::new(), url }
    }

    fn connection() -> ConnectionId {
        ConnectionId::new(Timestamp::UNIX_EPOCH, &SystemRandom)
    }

    #[test]
    fn every_unit_is_read_as_it_is_declared() {
        use ResetUnit::*;
        for (unit, text, seconds) in [
            (Seconds, "27445", Some(27_445.0)),
            (Seconds, " 1.5 ", Some(1.5)),
            (Milliseconds, "1500", Some(1.5)),
            (EpochSeconds, "1795000012", Some(12.0)),
            (EpochSeconds, "1794999999", Some(0.0)),
            (EpochMilliseconds, "1795000012500", Some(12.5)),
            (Date, "Wed, 18 Nov 2026 11:06:50 GMT", Some(10.0)),
            (Date, "2026-11-18T11:06:50Z", Some(10.0)),
            (Seconds, "soon", None),
            (Seconds, "-1", None),
            (Seconds, "inf", None),
            (EpochSeconds, "1e30", None),
            (Date, "12", None),
        ] {
            let found = renewed_in(&limit(true, unit), &answer("0", text), at(0));
            assert_eq!(found.map(|it| it.as_secs_f64()), seconds, "{unit:?} {text}");
        }
    }

    #[tokio::test]
    async fn where_nothing_is_left_nobody_asks_before_there_is_again() {
        let (allowances, one, other) = (Allowances::default(), connection(), connection());
        let of_one = limit(true, ResetUnit::Seconds);
        let wait = |connection, now| allowances.wait(&of_one, "books", connection, now).map(|it| it.as_secs());
        allowances.note(&of_one, "books", one, &answer("1", "60"), at(0));
        allowances.note(&of_one, "books", one, &answer("none", "60"), at(0));
        allowances.note(&of_one, "books", one, &answer("0", "0"), at(0));
        assert_eq!(wait(one, at(0)), None);
        allowances.note(&of_one, "books", one, &answer("0", "20"), at(0));
        assert_eq!((wait(one, at(5)), wait(other, at(5))), (Some(15), None));

        let ask = async |patience| {
            let clock = FixedClock(at(5));
            allowances.turn(&of_one, "books", one, Duration::from_secs(patience), &clock).await
        };
        assert!(ask(15).await.is_ok(), "it is worth waiting for");
        let error = ask(14).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (Code::RateLimited, false));
        assert_eq!(error.retry_after, Some(Duration::from_secs(15)));
        assert_eq!(wait(one, at(20)), None);
        assert!(!allowances.any.load(Ordering::Acquire), "and nothing is remembered");
    }

    #[test]
    fn a_limit_of_all_connections_is_everybodys_and_no_header_shuts_anybody_out_for_a_day() {
        let (allowances, all) = (Allowances::default(), limit(false, ResetUnit::Seconds));
        allowances.note(&all, "books", connection(), &answer("0", "86400"), at(0));
        assert_eq!(allowances.wait(&all, "books", connection(), at(0)), Some(LONGEST_HOLD));
        assert_eq!(allowances.wait(&all, "desk", connection(), at(0)), None);
        assert_eq!(allowances.wait(&all, "books", connection(), at(300)), None);
    }
    /// Writes down what it is to tell.
    #[derive(Default)]
    struct Told(Mutex<Vec<Spent>>);

    impl Crier for Told {
        fn cry(&self, spent: &Spent) {
            self.0.lock().unwrap().push(spent.clone());
        }
    }

    #[test]
    fn others_are_told_what_is_news_to_them() {
        let told = Arc::new(Told::default());
        let (one, other) = (Allowances::default().with_crier(told.clone()), Allowances::default());
        let (of_one, of_all) = (limit(true, ResetUnit::Seconds), limit(false, ResetUnit::Seconds));
        let (a, b) = (connection(), connection());
        one.note(&of_one, "books", a, &answer("0", "20"), at(0));
        one.note(&of_one, "books", a, &answer("0", "19"), at(1));
        one.note(&of_all, "desk", a, &answer("0", "9"), at(1));
        one.note(&of_one, "books", a, &answer("0", "30"), at(2));
        let told = told.0.lock().unwrap();
        let shown: Vec<_> = told.iter().map(|it| (it.connector.as_str(), it.connection, it.until)).collect();
        assert_eq!(shown, [("books", Some(a), at(20)), ("desk", None, at(10)), ("books", Some(a), at(32))]);
        told.iter().for_each(|it| other.heard(it, at(3)));
        let wait =
            |limit, connector, connection| other.wait(limit, connector, connection, at(3)).map(|it| it.as_secs());
        assert_eq!((wait(&of_one, "books", a), wait(&of_one, "books", b)), (Some(29), None));
        assert_eq!((wait(&of_all, "desk", a), wait(&of_all, "desk", b)), (Some(7), Some(7)));
        // whose clock is wrong shuts nobody out for a day
        other.heard(&Spent { until: at(86_400), ..told[1].clone() }, at(3));
        assert_eq!(wait(&of_all, "desk", b), Some(300));
        other.heard(&told[1], at(11));
        assert_eq!(other.wait(&of_one, "books", b, at(11)), None);
    }
}
