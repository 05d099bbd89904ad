//! What the registry answers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::problem::DiagnosticView,
    base::OrgId,
    catalog::{
        compare::Change,
        files::{Account, Files},
    },
    runtime::registry::{Counted, Difference, Line, Misfit, Put, ReleaseLine, Standing},
    store::{Canary, EndedCanary, Tally},
};

/// One of everybody's connectors in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LineView {
    connector: String,
    /// What orgs have that are not pinned and try nothing.
    #[schema(example = "1.2.0")]
    version: Option<String>,
    /// `registry` or `folder`.
    from: &'static str,
    /// What the folder has, as it was when it was right last.
    in_folder: Option<String>,
    /// What is wrong with what the folder has now; orgs have what was there before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<DiagnosticView>,
    /// Why what the folder has now is not taken over, though it has no mistakes: its tests fail, or it breaks what orgs rely on and
    /// its version doesn't say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The version that is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    trying: Option<String>,
    /// How many orgs are pinned.
    pins: usize,
    /// Versions that this engine can't read any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

impl From<Line> for LineView {
    fn from(it: Line) -> Self {
        Self {
            connector: it.connector,
            version: it.version,
            from: if it.published { "registry" } else { "folder" },
            in_folder: it.in_folder,
            diagnostics: it.mistakes.into_iter().map(DiagnosticView::from).collect(),
            problem: it.problem,
            trying: it.canary,
            pins: it.pins,
            unreadable: it.unreadable,
        }
    }
}

/// One of everybody's connectors with all that is known.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandingView {
    #[serde(flatten)]
    line: LineView,
    /// The latest first.
    versions: Vec<ReleaseView>,
    /// To which versions it can be rolled back, the next one first; null: to the folder's.
    previous: Vec<Option<String>>,
    pinned: Vec<PinView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<CanaryView>,
    /// How the last that was tried ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_canary: Option<EndedView>,
}

impl From<Standing> for StandingView {
    fn from(it: Standing) -> Self {
        Self {
            line: it.line.into(),
            versions: it.releases.into_iter().map(ReleaseView::from).collect(),
            previous: it.previous,
            pinned: it.pins.into_iter().map(PinView::from).collect(),
            canary: it.canary.map(CanaryView::from),
            last_canary: it.ended.map(EndedView::from),
        }
    }
}

/// A version of everybody's connector.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReleaseView {
    #[schema(example = "1.2.0")]
    version: String,
    /// Whether it is what orgs have that are not pinned and try nothing.
    active: bool,
    /// Names what it was made of.
    digest: String,
    published_at: String,
    /// The operator whose key it was published with.
    published_by: String,
}

impl From<ReleaseLine> for ReleaseView {
    fn from(ReleaseLine { release, active }: ReleaseLine) -> Self {
        let published_at = release.published_at.to_string();
        let (version, digest, published_by) = (release.version, release.digest, release.published_by);
        Self { version, active, digest, published_at, published_by }
    }
}

/// An org that stays with a version.
#[derive(Debug, Serialize, ToSchema)]
struct PinView {
    org: String,
    /// What the org is called.
    org_name: String,
    version: String,
}

impl From<(OrgId, String, String)> for PinView {
    fn from((org, org_name, version): (OrgId, String, String)) -> Self {
        Self { org: org.text(), org_name, version }
    }
}

/// A version that is tried, and how it goes.
#[derive(Debug, Serialize, ToSchema)]
struct CanaryView {
    version: String,
    /// Their calls all try it.
    orgs: Vec<String>,
    /// So many of a hundred conversations of the others do.
    share: u32,
    min_calls: u32,
    max_more_failures: f64,
    max_times_slower: f64,
    begun_at: String,
    /// How its calls went.
    of_canary: TallyView,
    /// How those of the active version went since.
    of_active: TallyView,
}

impl From<(Canary, Counted)> for CanaryView {
    fn from((it, counted): (Canary, Counted)) -> Self {
        Self {
            version: it.version,
            orgs: it.orgs.iter().map(|it| it.text()).collect(),
            share: it.share,
            min_calls: it.limits.calls,
            max_more_failures: it.limits.failures,
            max_times_slower: it.limits.slower,
            begun_at: it.begun_at.to_string(),
            of_canary: counted.canary.into(),
            of_active: counted.active.into(),
        }
    }
}

/// How calls went.
#[derive(Debug, Serialize, ToSchema)]
struct TallyView {
    calls: i64,
    failed: i64,
    /// What one usually takes (the geometric mean); of those that waited for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    usual_milliseconds: Option<f64>,
}

impl From<Tally> for TallyView {
    fn from(it: Tally) -> Self {
        let usual = it.usual_milliseconds().map(|it| (it * 10.0).round() / 10.0);
        Self { calls: it.calls, failed: it.failed, usual_milliseconds: usual }
    }
}

/// A version that was tried.
#[derive(Debug, Serialize, ToSchema)]
struct EndedView {
    #[serde(flatten)]
    canary: CanaryView,
    /// `promoted`, `taken_back` by an operator, or `rolled_back` by itself.
    end: &'static str,
    /// Why it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    ended_at: String,
}

impl From<(EndedCanary, Counted)> for EndedView {
    fn from((it, counted): (EndedCanary, Counted)) -> Self {
        let EndedCanary { canary, end, why, at } = it;
        Self { canary: (canary, counted).into(), end: end.as_str(), why, ended_at: at.to_string() }
    }
}

/// What became of a version that was published.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PutView {
    connector: String,
    #[serde(flatten)]
    release: ReleaseView,
    /// What was noticed and forbids nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<DiagnosticView>,
    /// What changes for orgs, compared with what they had.
    changes: Vec<ChangeView>,
    /// What is enabled and does not work with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unfit: Vec<MisfitView>,
}

impl From<Put> for PutView {
    fn from(it: Put) -> Self {
        Self {
            connector: it.release.connector.clone(),
            release: ReleaseLine { release: it.release, active: it.active }.into(),
            warnings: it.warnings.into_iter().map(DiagnosticView::from).collect(),
            changes: it.changes.into_iter().map(ChangeView::from).collect(),
            unfit: it.unfit.into_iter().map(MisfitView::from).collect(),
        }
    }
}

/// Something that is otherwise in the later version.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeView {
    /// Whether what works with the earlier version may fail with the later one.
    breaks: bool,
    #[schema(example = "action `book`, output.price is new")]
    message: String,
}

impl From<Change> for ChangeView {
    fn from(Change { breaks, message }: Change) -> Self {
        Self { breaks, message }
    }
}

/// An enabled action that does not work with a version.
#[derive(Debug, Serialize, ToSchema)]
struct MisfitView {
    org: String,
    /// What the org is called.
    org_name: String,
    agent: String,
    /// Its id.
    enabled_action: String,
    #[schema(example = "book")]
    action: String,
    #[schema(example = "has no action `book`")]
    problem: String,
}

impl From<Misfit> for MisfitView {
    fn from(Misfit { row, org_name, problem }: Misfit) -> Self {
        let (org, enabled_action) = (row.org.text(), row.id.text());
        Self { org, org_name, agent: row.agent, enabled_action, action: row.action, problem }
    }
}

/// How two versions differ.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DiffView {
    /// Null: there is no such connector yet.
    from: Option<String>,
    to: String,
    /// What changes for orgs, what breaks something first.
    changes: Vec<ChangeView>,
    /// What is enabled and does not work with the later one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unfit: Vec<MisfitView>,
    /// The files line by line, as `diff -u` shows them.
    text: String,
}

impl From<Difference> for DiffView {
    fn from(it: Difference) -> Self {
        let changes = it.changes.into_iter().map(ChangeView::from).collect();
        let unfit = it.unfit.into_iter().map(MisfitView::from).collect();
        Self { from: it.from, to: it.to, changes, unfit, text: it.text }
    }
}

/// A version with its files.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReleaseSource)]
pub(super) struct SourceView {
    #[serde(flatten)]
    release: ReleaseView,
    /// `connector.yaml`
    source: String,
    /// `tests.yaml`, if there is one.
    tests: Option<String>,
    /// The file of `_accounts` that it shares with others, if it does.
    account: Option<AccountView>,
    /// `logo.svg`, if there is one.
    logo: Option<String>,
}

/// A file of `_accounts`, as it was published.
#[derive(Debug, Serialize, ToSchema)]
struct AccountView {
    id: String,
    source: String,
}

impl From<(ReleaseLine, Files)> for SourceView {
    fn from((release, files): (ReleaseLine, Files)) -> Self {
        Self {
            release: release.into(),
            source: files.connector,
            tests: files.tests,
            account: files.account.map(|Account { id, text }| AccountView { id, source: text }),
            logo: files.logo,
        }
    }
}
