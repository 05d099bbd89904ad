//! Lists of which there may be more.

use super::{for_each_read, requests};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    expr::types::{Kinds, Type},
    spec::{Action, Plan, Step, check::context::Context},
};

/// By what answers tell that there is more, in whatever spelling.
const MARKERS: &[&str] = &[
    "nextpagetoken",
    "nextpage",
    "nextpageurl",
    "nextlink",
    "odatanextlink",
    "nextcursor",
    "nexturl",
    "nextrecordsurl",
    "hasmore",
    "hasnext",
    "hasnextpage",
    "morerecords",
    "moreitems",
    "istruncated",
];

/// Reports requests that read the first page only, and ends of pages that nobody is told of.
pub(super) fn check(action: &Action, context: &Context<'_>, found: &mut Diagnostics) {
    let plan = &action.plan;
    for (step, request) in requests(plan) {
        if request.pages.is_some() {
            if !reads_part(plan, step, "truncated") {
                let message = "there may be more than these pages, and nobody is told";
                let diagnostic = Diagnostic::warning(codes::SILENT_END, request.request.span, message);
                found.push(diagnostic.help(format!("hand on {}: true if there was more", truncated(plan, step))));
            }
            continue;
        }
        let Some(answer) = context.samples.surely_of(&request.request) else { continue };
        if let Some(marker) = marker(&answer).filter(|it| !reads_part(plan, step, it)) {
            let message =
                format!("`{marker}` in the sample answers says that there may be more, and only this much is read");
            found.push(
                Diagnostic::warning(codes::FIRST_PAGE_ONLY, request.request.span, message)
                    .help("give the request `pages`, whose `max` bounds them; or hand on that there is more"),
            );
        }
    }
}

fn truncated(plan: &Plan, step: &Step) -> String {
    match plan.steps.len() {
        1 => "`$.truncated`".to_owned(),
        _ => format!("`steps.{}.truncated`", step.id),
    }
}

/// The member that tells it, at the top of an answer or in a mapping there.
fn marker(answer: &Type) -> Option<String> {
    let own = |it: &Type| {
        let members = it.members.as_ref()?;
        // One that is always null says that there is no more.
        let told = members.iter().filter(|(_, it)| !it.kinds.is_within(Kinds::ABSENT));
        told.map(|(name, _)| name.to_owned()).find(|it| is_marker(it))
    };
    let members = answer.members.as_ref()?;
    own(answer).or_else(|| members.iter().find_map(|(_, it)| own(it)))
}

fn is_marker(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    MARKERS.contains(&letters.as_str())
}

/// Whether anything reads that part of what a step is answered, or all of it.
fn reads_part(plan: &Plan, step: &Step, part: &str) -> bool {
    let mut reads = false;
    let mut reads_path = false;
    for_each_read(
        plan,
        &mut |expr| {
            reads |= expr.names.iter().any(|name| {
                let path: Vec<&str> = name.path.iter().map(String::as_str).collect();
                path.contains(&part) || path == ["steps", &step.id] || path == ["answer", "body"] || path == ["answer"]
            });
        },
        &mut |path| reads_path |= path.source == "$" || path.source.contains(part),
    );
    reads || reads_path
}
