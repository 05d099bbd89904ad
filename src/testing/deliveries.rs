//! Cases of what the provider sends without being asked.

use crate::{
    auth::Credentials,
    base::Secret,
    delivery::{self, Asking, Checks, Delivery, KeySets, Refused, Unbelieved},
    spec::{Case, CaseDelivery, Expect},
};

use super::{Problem, other_output, stage::Stage, waits};

/// Everything in which a delivery isn't treated as the case says.
pub(super) async fn problems(
    stage: &Stage<'_>,
    sent: &CaseDelivery,
    event: Option<&str>,
    credentials: &Credentials,
) -> Vec<Problem> {
    match check(stage, sent, event, credentials).await {
        Ok(problems) => problems,
        Err(problem) => vec![problem],
    }
}

async fn check(
    stage: &Stage<'_>,
    sent: &CaseDelivery,
    event: Option<&str>,
    credentials: &Credentials,
) -> Result<Vec<Problem>, Problem> {
    let Case { expect, connection, subscription, .. } = stage.case;
    let events = waits::events(stage)?;
    let scope = stage.scope(&Delivery::from(sent));
    let shaken = delivery::handshake(&events.receive, &scope);
    let shaken = shaken.map_err(|error| Problem::Event(format!("the handshake can't be answered: {error}")))?;
    match (event, &shaken) {
        (None, None) => return Err(Problem::Event("it is no handshake".to_owned())),
        (Some(_), Some(_)) => return Err(Problem::Event("it is a handshake, and so means nothing else".to_owned())),
        _ => {}
    }
    let reply = match shaken {
        Some(reply) => reply,
        None => {
            let secret = subscription["secret"].as_str().map(Secret::new);
            let checks = Checks { events, connection, credentials, secret: secret.as_ref(), clock: stage.clock };
            let asking = Asking { sender: stage.script, http: &stage.connector.http };
            match (checks.believe(&scope, &KeySets::default(), &asking).await, expect) {
                (Err(Unbelieved::Unknown(error)), _) => {
                    return Err(Problem::Event(format!("the provider's keys can't be read: {}", error.message)));
                }
                (Err(Unbelieved::Refused(_)), Expect::Refused) => return Ok(Vec::new()),
                (Err(Unbelieved::Refused(why)), _) => {
                    // the secrets of a case are no secrets
                    let compared = checks.compared(&scope).filter(|_| why == Refused::Different);
                    let both =
                        compared.map(|[given, expected]| format!("\n  expected {expected:?}\n  given    {given:?}"));
                    let both = both.unwrap_or_default();
                    return Err(Problem::Event(format!("the delivery is not believed: {why}{both}")));
                }
                (Ok(_), Expect::Refused) => return Err(Problem::Event("the delivery is believed".to_owned())),
                (Ok(entries), Expect::Event(correlate, output)) => {
                    let (known_by, handed_on) = waits::understood(stage, event.unwrap_or_default(), &entries).await?;
                    let other = correlate.as_ref().filter(|it| known_by.as_ref() != Some(it));
                    let mut problems = Vec::new();
                    problems.extend(other.map(|expected| {
                        let got = known_by.as_deref().unwrap_or("nothing");
                        Problem::Event(format!("its `correlate` is {got}, not {expected}"))
                    }));
                    problems.extend(other_output(output, handed_on));
                    return Ok(problems);
                }
                (Ok(_), _) => delivery::reply(&events.receive.answer, &scope)
                    .map_err(|error| Problem::Event(format!("it can't be answered: {error}")))?,
            }
        }
    };
    let got = (reply.status, String::from_utf8_lossy(&reply.body).into_owned());
    Ok(match expect {
        Expect::Answered(status, text) if (*status, text) == (got.0, &got.1) => Vec::new(),
        Expect::Answered(status, text) => {
            vec![Problem::Event(format!("it is answered {} {:?}, not {status} {text:?}", got.0, got.1))]
        }
        _ => vec![Problem::Event(format!("it is answered {} {:?}", got.0, got.1))],
    })
}
