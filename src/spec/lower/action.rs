//! Actions.

use serde_json::Value as Json;

use super::{Lower, plan::only_step, value::Paths};
use crate::{
    base::Effect,
    diag::{Diagnostic, codes},
    expr::Shape,
    spec::{Action, Plan, Step, StepKind, facts::Owner, keys::ACTION},
    yaml::{Entry, Reader},
};

/// Fewer characters say neither what an action does nor when to call it.
const SHORT: usize = 20;

impl Lower<'_> {
    /// An entry of `actions`.
    pub(super) fn action(&mut self, entry: &Entry, scopes: &[String]) -> Option<Action> {
        let reader = Reader::open_entry(entry, &ACTION, self.diagnostics)?;
        let name = entry.key.clone();
        let (config, _) = self.fields(&reader, "config", &Owner::Config(name.clone()));
        let (input, _) = self.fields(&reader, "input", &Owner::Input(name.clone()));
        let effect = reader.word("effect", self.diagnostics).and_then(|it| it.parse::<Effect>().ok());
        // Without it nothing about effects can be judged: `money` allows everything.
        let allowed = effect.unwrap_or(Effect::Money);
        let (steps, output) = self.action_steps(&reader, allowed);
        let action = Action {
            title: reader.text("title", self.diagnostics).unwrap_or_default().to_owned(),
            describe: self.describe(&reader),
            effect: allowed,
            scopes: self.scopes(&reader, scopes),
            config,
            input,
            plan: Plan { steps, output, timeout: self.timeout(&reader) },
            name,
        };
        self.facts.effects.extend(reader.node("effect").map(|it| (action.name.clone(), it.span)));
        Some(action)
    }

    fn describe(&mut self, reader: &Reader<'_>) -> String {
        let text = reader.text("describe", self.diagnostics).unwrap_or_default();
        if let Some(node) = reader.node("describe")
            && !text.is_empty()
            && text.chars().count() < SHORT
        {
            self.report(
                Diagnostic::warning(
                    codes::SHORT_DESCRIPTION,
                    node.span,
                    "a language model can't tell when to call this",
                )
                .help("say what it does, when to call it, and what to do before"),
            );
        }
        text.to_owned()
    }

    /// One request, whose answer is `$` in the output; or steps.
    fn action_steps(&mut self, reader: &Reader<'_>, effect: Effect) -> (Vec<Step>, Shape) {
        match reader.exactly_one(&["request", "steps"], self.diagnostics) {
            Some(entry) if entry.key == "steps" => {
                let keys = ["errors", "pages", "verify", "idempotent"];
                self.misplaced(reader, &keys, "belongs to one of the `steps`");
                let steps = self.steps(reader, effect);
                let output = self.shape_at(reader, "output", Paths::Refused);
                (steps, output.unwrap_or(Shape::Literal(Json::Null)))
            }
            Some(entry) => {
                let step = self.single_request(reader, effect);
                if let Some(step) = &step {
                    self.method_fits(step, effect);
                }
                let output = self.shape_at(reader, "output", Paths::Allowed);
                let output = output.unwrap_or_else(|| Shape::Path(self.own_path("$", entry.key_span)));
                let kind = step.map(|it| StepKind::Request(Box::new(it)));
                (kind.map(|kind| only_step(entry, kind)).into_iter().collect(), output)
            }
            None => (Vec::new(), Shape::Literal(Json::Null)),
        }
    }
}
