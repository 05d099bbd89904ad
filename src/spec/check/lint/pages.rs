//! Lists of which there may be more.

use super::{for_each_read, requests};
use crate::{
    diag::{Diagnostic, Diagnostics, codes, did_you_mean},
    expr::{
        Shape,
        types::{Absent, Kinds, Type},
    },
    spec::{
        Action, Body, PageBy, Pages, Plan, RequestStep, Step, Target, TokenPlace,
        check::{context::Context, types::of_path},
    },
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
        if let Some(pages) = &request.pages {
            against_samples(pages, request, context, found);
            counted(pages, request, found);
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

/// What joins the pages and what leads on, held against the sample answers.
fn against_samples(pages: &Pages, request: &RequestStep, context: &Context<'_>, found: &mut Diagnostics) {
    let Some(answer) = context.samples.surely_of(&request.request) else { return };
    found.extend(of_path(&pages.items, &answer).1);
    // An answer without more pages may leave out how to go on: only a name like it tells that it is misspelt.
    let (PageBy::Token { token: path, .. } | PageBy::Next(path)) = &pages.by else { return };
    if let Err((name, Absent::Keys(names))) = path.infer(&answer)
        && let Some(near) = did_you_mean(&name, names.iter().map(|it| &**it))
    {
        let message = format!("none of the sample answers has `{name}`, by which the next page would be found");
        let diagnostic = Diagnostic::warning(codes::NOT_IN_SAMPLES, path.span, message);
        found.push(diagnostic.help(format!("did you mean `{near}`?")));
    }
}

/// Parameters of pages that the request sends itself, or never.
fn counted(pages: &Pages, request: &RequestStep, found: &mut Diagnostics) {
    let span = request.request.span;
    let sent = |name: &str| request.request.query.iter().find(|(it, _)| it == name).map(|(_, it)| it);
    if let PageBy::Token { into: TokenPlace::Query(query), .. } = &pages.by
        && matches!(sent(query), Some(Shape::Expr(it)) if it.names.iter().any(|it| it.path[0] == "input"))
    {
        let message = format!("`{query}` is sent already, and the second page would put its token there");
        let diagnostic = Diagnostic::warning(codes::SENT_TWICE, span, message);
        found.push(diagnostic.help("give `query` of `pages` the parameter that takes the token of a page"));
    }
    if let PageBy::Offset { size, .. } = &pages.by {
        let is_size = |it: &Shape| match it {
            Shape::Literal(it) => {
                it.as_u64() == Some(*size) || it.as_str().and_then(|it| it.parse().ok()) == Some(*size)
            }
            // Whatever it comes to may be it.
            _ => true,
        };
        let is_asked =
            request.request.query.iter().any(|(_, it)| is_size(it)) || !matches!(request.request.body, Body::None);
        if !is_asked && !matches!(request.request.target, Target::Url(_)) {
            let message = format!("pages of {size} are counted, and nothing asks the provider for {size} at a time");
            let diagnostic = Diagnostic::warning(codes::SENT_TWICE, span, message);
            found.push(diagnostic.help(format!("send it as the API wants it, such as `query: {{limit: {size}}}`")));
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
