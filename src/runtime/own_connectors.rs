//! Connectors that an org has of its own: published version by version, taken back when nothing uses them.

use std::{cmp::Ordering, sync::Arc};

use super::{Engine, Error, Result, registry::compared, unfit::misfit};
use crate::{
    base::OrgId,
    catalog::{
        mistake::{Mistake, has_errors, mistakes},
        own::{self, Checked},
    },
    spec::Connector,
    store::{self, OwnSource, OwnVersion, Status},
    testing,
    yaml::typed::is_id,
};

/// So many connectors an org may have of its own.
const MOST_CONNECTORS: usize = 100;

/// So many versions of one are kept.
const MOST_VERSIONS: i64 = 100;

/// So many users of a connector are named; more are counted.
const MOST_NAMED: usize = 5;

/// What a case that does not come out as it says is called, among the diagnostics.
const CASE_FAILED: &str = "case_failed";

/// A version that is active now.
#[derive(Debug)]
pub struct Published {
    /// Which.
    pub version: OwnVersion,
    /// What was noticed and forbids nothing.
    pub warnings: Vec<Mistake>,
    /// Whether the org had no connector of that id before.
    pub is_first: bool,
}

impl Engine {
    /// All that is wrong with a connector, its own cases included. Nothing is stored.
    ///
    /// # Errors
    /// When the id is none for a connector of an org.
    pub async fn check_own(&self, id: &str, source: OwnSource) -> Result<Vec<Mistake>> {
        checked_id(id)?;
        Ok(checked(id, source).await.1)
    }

    /// Makes a version the active one. The same version with the same source again changes nothing.
    ///
    /// # Errors
    /// When it has mistakes, its version is not higher than the active one, or what is enabled would not work with it.
    pub async fn publish(self: &Arc<Self>, org: OrgId, id: String, source: OwnSource) -> Result<Published> {
        checked_id(&id)?;
        let (connector, found) = checked(&id, source.clone()).await;
        let Some(connector) = connector.filter(|_| !has_errors(&found)) else { return Err(Error::Connector(found)) };
        let active = self.store.own_connectors().active(org, &id).await?;
        if let Some(active) = &active
            && self.is_same(active, &connector, &source).await?
        {
            return Ok(Published { version: active.clone(), warnings: found, is_first: false });
        }
        self.must_follow(org, active.as_ref(), &connector).await?;
        self.must_fit(org, &connector).await?;
        let number = active.as_ref().map_or(1, |it| it.number + 1);
        let version = OwnVersion { org, id, number, version: connector.version.clone(), created_at: self.now() };
        let engine = Arc::clone(self);
        self.to_its_end(async move {
            let own = engine.store.own_connectors();
            own.insert(&version, &source).await.map_err(changed_meanwhile)?;
            engine.forget_org(org);
            own.prune(org, &version.id, version.number - MOST_VERSIONS).await?;
            Ok(Published { version, warnings: found, is_first: number == 1 })
        })
        .await
    }

    /// The versions of an org's own connector that are kept, the active one first.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn versions(&self, org: OrgId, id: &str) -> Result<Vec<OwnVersion>> {
        let versions = self.store.own_connectors().versions(org, id).await?;
        if versions.is_empty() { Err(Error::NotFound("connector")) } else { Ok(versions) }
    }

    /// One version of an org's own connector, with what it was made of; the active one if none is named.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn version(&self, org: OrgId, id: &str, version: Option<&str>) -> Result<(OwnVersion, OwnSource)> {
        let all = self.versions(org, id).await?;
        let found = all.into_iter().find(|it| version.is_none_or(|wanted| it.version == wanted));
        let found = found.ok_or(Error::NotFound("version"))?;
        let source = self.store.own_connectors().source(org, id, found.number).await?;
        Ok((found, source.ok_or(Error::NotFound("version"))?))
    }

    /// Takes an org's own connector back, with all its versions.
    ///
    /// # Errors
    /// When it isn't there, or something uses it: then that is named.
    pub async fn unpublish(&self, org: OrgId, id: &str) -> Result<()> {
        self.versions(org, id).await?;
        if self.store.own_connectors().remove_unused(org, id).await? {
            return Ok(());
        }
        let users = self.users(org, id).await?;
        if users.is_empty() {
            // it was taken back, or its last user went, in between
            return Err(Error::conflict("it was changed meanwhile", "Read it again, then decide."));
        }
        let detail = format!("`{id}` is in use by {}", listed(&users));
        Err(Error::conflict(
            detail,
            "Disable the actions and disconnect the connections that are named, then try again.",
        ))
    }

    async fn is_same(&self, active: &OwnVersion, connector: &Connector, source: &OwnSource) -> Result<bool> {
        let kept = self.store.own_connectors().source(active.org, &active.id, active.number).await?;
        Ok(active.version == connector.version && kept.as_ref() == Some(source))
    }

    /// Versions only go up, and their number is bounded.
    async fn must_follow(&self, org: OrgId, active: Option<&OwnVersion>, connector: &Connector) -> Result<()> {
        let Some(active) = active else {
            let all = self.store.own_connectors().all_active(org).await?;
            if all.len() >= MOST_CONNECTORS {
                let detail = format!("an org has at most {MOST_CONNECTORS} connectors of its own");
                return Err(Error::conflict(detail, "Remove one that nothing uses, then publish this one again."));
            }
            return Ok(());
        };
        let why = match compared(&connector.version, &active.version) {
            Ordering::Greater => return Ok(()),
            Ordering::Equal => "is there already with another source, and a version never changes",
            Ordering::Less => "is lower than the active one",
        };
        let (new, active) = (&connector.version, &active.version);
        let detail = format!("version {new} {why}: write one above {active}");
        Err(Error::conflict(detail, "Raise `version` in the connector, then publish it again."))
    }

    /// What builders enabled must work with the new version as it did with the one before.
    async fn must_fit(&self, org: OrgId, connector: &Connector) -> Result<()> {
        let enabled = self.store.enabled_actions().list(org, None).await?;
        for row in enabled.iter().filter(|it| it.connector == connector.id) {
            let Some(problem) = misfit(row, connector) else { continue };
            let (action, agent, id) = (&row.action, &row.agent, row.id);
            let detail =
                format!("the action `{action}` is enabled for the agent `{agent}` ({id}), and this version {problem}");
            return Err(Error::conflict(detail, "Keep what the enabled action needs, or disable or change it first."));
        }
        Ok(())
    }

    /// The enabled actions of a connector, and the accounts that are connected by it.
    async fn users(&self, org: OrgId, connector: &str) -> Result<Vec<String>> {
        let enabled = self.store.enabled_actions().list(org, None).await?;
        let enabled = enabled.iter().filter(|it| it.connector == connector);
        let enabled =
            enabled.map(|it| format!("the enabled action `{}` of the agent `{}` ({})", it.function, it.agent, it.id));
        let connections = self.connections.list(org).await?;
        let is_over = |status| matches!(status, Status::Failed | Status::Disconnected);
        let connections = connections.iter().filter(|it| it.connector == connector && !is_over(it.status));
        let connections = connections.map(|it| format!("the connection {}", it.id));
        Ok(enabled.chain(connections).collect())
    }
}

/// An id by which nothing but an org's own connector is found.
fn checked_id(id: &str) -> Result<()> {
    if is_id(id) && own::is_own(id) {
        return Ok(());
    }
    let written = own::WRITTEN;
    Err(Error::BadRequest(format!(
        "`{id}` is no id of an org's own connector: write `{written}` and lower-case-with-dashes"
    )))
}

/// The connector, and everything that is wrong with it; its cases are run if it could run at all.
async fn checked(id: &str, source: OwnSource) -> (Option<Arc<Connector>>, Vec<Mistake>) {
    with_cases(own::check_apart(id.to_owned(), source).await).await
}

/// The same of a connector that was checked already.
pub(super) async fn with_cases(checked: Checked) -> (Option<Arc<Connector>>, Vec<Mistake>) {
    let Checked { connector, sources, diagnostics } = checked;
    let mut found = mistakes(&sources, diagnostics);
    if let Some(connector) = &connector {
        let report = testing::run_all(connector).await;
        for case in report.cases.iter().filter(|it| !it.passed()) {
            let problems: Vec<_> = case.problems.iter().map(ToString::to_string).collect();
            let message = format!("the case `{}` does not come out as it says: {}", case.name, problems.join("; "));
            found.push(Mistake::at(&sources, case.span, CASE_FAILED, message));
        }
    }
    (connector, found)
}

fn listed(users: &[String]) -> String {
    let named = users.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(MOST_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn changed_meanwhile(error: store::Error) -> Error {
    match error {
        store::Error::Taken => Error::conflict(
            "another version came meanwhile",
            "Look at the versions, then publish again with a higher one.",
        ),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_up_as_numbers_do() {
        for (a, b) in [("1.10.0", "1.9.0"), ("2.0.0", "1.99.99"), ("1.0.0", "1.0.0-beta.1")] {
            assert_eq!(compared(a, b), Ordering::Greater, "{a} {b}");
        }
        assert_eq!(compared("1.0.0", "1.0.0"), Ordering::Equal);
    }

    #[test]
    fn a_few_users_are_named_and_the_rest_is_counted() {
        let users: Vec<String> = (1..=7).map(|it| format!("u{it}")).collect();
        assert_eq!(listed(&users), "u1, u2, u3, u4, u5 and 2 more");
        assert_eq!(listed(&users[..2]), "u1, u2");
    }
}
