//! What providers' answers tell of the providers' own limits: where nothing is left, nobody asks before there is again.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{Timestamp, fmt::rfc2822};

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

/// Who has nothing left, and until when. In memory: the next answer tells it anew.
#[derive(Debug, Default)]
pub struct Allowances {
    /// There is somebody.
    any: AtomicBool,
    spent: Mutex<Spent>,
}

/// By connector, and by connection if each has a limit of its own.
type Spent = HashMap<String, HashMap<Option<ConnectionId>, Timestamp>>;

impl Allowances {
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
        let mut spent = self.spent();
        if spent.values().map(HashMap::len).sum::<usize>() >= MAX_CONNECTIONS {
            forget(&mut spent, now);
        }
        spent.entry(connector.to_owned()).or_default().insert(limit.per_connection.then_some(connection), until);
        self.any.store(true, Ordering::Release);
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

    fn spent(&self) -> MutexGuard<'_, Spent> {
        lock(&self.spent)
    }
}

/// Forgets those that have something left again.
fn forget(spent: &mut Spent, now: Timestamp) {
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
}
