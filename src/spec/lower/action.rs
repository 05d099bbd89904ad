//! Actions.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::{Lower, plan::only_step, value::Paths};
use crate::{
    base::Effect,
    diag::{Diagnostic, codes},
    expr::Shape,
    spec::{
        Action, Fields, Object, ObjectUse, Plan, Step, StepKind,
        facts::{Owner, Part},
        keys::ACTION,
    },
    yaml::{Entry, Node, Reader},
};

/// In bytes: a few pages of text, which is what a model reads at once without losing its thread.
const MAX_OUTPUT: usize = 32_768;

/// Fewer characters say neither what an action does nor when to call it.
pub(crate) const SHORT: usize = 20;

impl Lower<'_> {
    /// An entry of `actions`.
    pub(super) fn action(
        &mut self,
        entry: &Entry,
        scopes: &[String],
        objects: &IndexMap<String, Object>,
    ) -> Option<Action> {
        let reader = Reader::open_entry(entry, &ACTION, self.diagnostics)?;
        let name = entry.key.clone();
        let (config, _) = self.fields(&reader, "config", &Owner::Config(name.clone()));
        let (input, _) = self.fields(&reader, "input", &Owner::Input(name.clone()));
        let object = self.object_use(&reader, &name);
        let of = object.as_ref().and_then(|it| Some((objects.get(&it.object)?, it.partial)));
        let (config, input) = match of {
            Some((of, partial)) => self.joined(&reader, &name, of, partial, &config, &input),
            None => (config, input),
        };
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
            max_output: reader.integer("max_output", self.diagnostics).unwrap_or(MAX_OUTPUT),
            plan: Plan { steps, output, timeout: self.timeout(&reader), object },
            name,
        };
        self.facts.describes.extend(reader.node("describe").map(|it| (action.name.clone(), it.span)));
        self.facts.effects.extend(reader.node("effect").map(|it| (action.name.clone(), it.span)));
        Some(action)
    }

    /// `object` and `partial`
    fn object_use(&mut self, reader: &Reader<'_>, action: &str) -> Option<ObjectUse> {
        let partial = reader.bool("partial", self.diagnostics).unwrap_or(false);
        let Some(node) = reader.node("object") else {
            self.misplaced(reader, &["partial"], "means nothing without `object`");
            return None;
        };
        let object = reader.formed("object", self.diagnostics)?.to_owned();
        self.refer(Part::Object, node, &object);
        self.facts.objects.push((action.to_owned(), node.span));
        Some(ObjectUse { object, partial, reads: HashSet::new() })
    }

    /// Config and input with what the object brings: what its fields depend on stands first, since lookups work with it;
    /// the unified fields stand last.
    fn joined(
        &mut self,
        reader: &Reader<'_>,
        action: &str,
        of: &Object,
        partial: bool,
        config: &Fields,
        input: &Fields,
    ) -> (Fields, Fields) {
        for (key, brought, own) in [("config", &of.config, config), ("input", &of.fields, input)] {
            let entries = reader.node(key).and_then(Node::as_map).unwrap_or_default();
            for entry in entries.iter().filter(|it| brought.get(&it.key).is_some() && own.get(&it.key).is_some()) {
                let message = format!("the object `{}` brings a field `{}` with it", of.name, entry.key);
                self.report(
                    Diagnostic::error(codes::FIELD_JOINS_TWICE, entry.key_span, message)
                        .help("remove it here, or give it another name"),
                );
            }
            let owner = if key == "config" { Owner::Config } else { Owner::Input };
            let names = brought.iter().map(|(name, _)| (owner(action.to_owned()), name.to_owned()));
            self.facts.joined.extend(names);
        }
        let fields = if partial { input.and(&of.fields.optional()) } else { input.and(&of.fields) };
        (of.config.and(config), fields)
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
                let keys = ["errors", "pages", "verify", "told_by", "idempotent"];
                self.misplaced(reader, &keys, "belongs to one of the `steps`");
                let steps = self.steps(reader, effect);
                let output = self.shape_at(reader, "output", Paths::Refused);
                (steps, output.unwrap_or(Shape::Literal(Json::Null)))
            }
            Some(entry) => {
                let mut step = self.single_request(reader, effect);
                if let Some(step) = &mut step {
                    step.told_by.iter_mut().for_each(|it| it.whole = true);
                    self.method_fits(step, effect);
                    self.known_again(reader, step);
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
