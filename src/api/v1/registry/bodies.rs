//! What is sent to the registry.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        problem::{Kind, Problem},
        v1::own_connectors::text,
    },
    base::OrgId,
    catalog::files::{Account, Files},
    runtime::registry::Try,
    store::Limits,
};

/// The files of everybody's connector.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilesBody {
    /// `connector.yaml`: the text, or the same as JSON.
    #[schema(value_type = Object)]
    source: Value,
    /// `tests.yaml`, in the same way.
    #[schema(value_type = Option<Object>)]
    tests: Option<Value>,
    /// The file of `_accounts` that it shares with others, if it does.
    account: Option<AccountBody>,
    /// `logo.svg`, if there is one.
    logo: Option<String>,
}

/// A file of `_accounts`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountBody {
    /// Its name without `.yaml`.
    id: String,
    /// The text, or the same as JSON.
    #[schema(value_type = Object)]
    source: Value,
}

impl FilesBody {
    pub(super) fn read(self) -> Result<Files, Problem> {
        let account = self.account.map(|it| Ok::<_, Problem>(Account { id: it.id, text: text(it.source)? }));
        Ok(Files {
            connector: text(self.source)?,
            account: account.transpose()?,
            tests: self.tests.map(text).transpose()?,
            logo: self.logo,
        })
    }
}

/// A version to be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutBody {
    files: FilesBody,
    /// Only keep it, to be tried, pinned to or promoted later.
    #[serde(default)]
    stage: bool,
}

impl PutBody {
    pub(super) fn read(self) -> Result<(Files, bool), Problem> {
        Ok((self.files.read()?, self.stage))
    }
}

/// Which versions to compare.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiffBody {
    /// A version; without one, what orgs have.
    pub(super) from: Option<String>,
    /// A version; without one, what orgs have.
    pub(super) to: Option<String>,
    /// In place of `to`, files that are not published.
    pub(super) files: Option<FilesBody>,
}

/// To which version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PinBody {
    #[schema(example = "1.2.0")]
    pub(super) version: String,
}

/// Which version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PromoteBody {
    /// Without one, that which is tried.
    pub(super) version: Option<String>,
}

/// A version to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CanaryBody {
    #[schema(example = "1.3.0")]
    version: String,
    /// Orgs, by id or name, whose calls all try it.
    #[serde(default)]
    pub(super) orgs: Vec<String>,
    /// So many of a hundred conversations of the other orgs do.
    #[serde(default)]
    #[schema(maximum = 100)]
    share: u32,
    /// So many calls of either version come before anything is concluded.
    #[schema(minimum = 1, example = 20)]
    min_calls: Option<u32>,
    /// It is taken back when so many more of a hundred calls fail.
    #[schema(minimum = 0, maximum = 100, example = 2.0)]
    max_more_failures: Option<f64>,
    /// It is taken back when calls take so many times as long.
    #[schema(minimum = 1, example = 1.5)]
    max_times_slower: Option<f64>,
}

impl CanaryBody {
    pub(super) fn read(self, orgs: Vec<OrgId>) -> Result<Try, Problem> {
        let usual = Limits::default();
        let limits = Limits {
            calls: self.min_calls.unwrap_or(usual.calls),
            failures: self.max_more_failures.unwrap_or(usual.failures),
            slower: self.max_times_slower.unwrap_or(usual.slower),
        };
        let wrong = [
            (orgs.is_empty() && self.share == 0, "nobody would try it: give `orgs`, or a `share` from 1 to 100"),
            (self.share > 100, "`share` is of a hundred"),
            (limits.calls == 0, "`min_calls` must be at least 1"),
            (!(0.0..=100.0).contains(&limits.failures), "`max_more_failures` is of a hundred calls"),
            (!(1.0..=1000.0).contains(&limits.slower), "`max_times_slower` must be from 1 to 1000"),
        ];
        if let Some((_, why)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
            return Err(Problem::new(Kind::InvalidRequest, why));
        }
        Ok(Try { version: self.version, orgs, share: self.share, limits })
    }
}
