//! Which parts of an answer a step looks at. Providers answer much more than that: what nobody looks at is not kept.

use std::sync::Arc;

use super::{Connector, Contents, ErrorRule, Plan, RequestStep, Step, StepKind};
use crate::{
    expr::{Expr, Path, Piece, Shape},
    format::Parts,
};

/// The parts of an answer that something looks at.
#[derive(Clone)]
struct Looks(Parts);

impl Looks {
    fn path(&mut self, path: &Path) {
        self.0.add(path.way());
    }

    /// `answer.body.<name>.…`
    fn expr(&mut self, expr: &Expr) {
        for name in &expr.names {
            match name.path.split_first() {
                Some((root, rest)) if root == "answer" => match rest.split_first() {
                    None => self.0.add([]),
                    Some((part, way)) if part == "body" => self.0.add(way.iter().map(|it| Some(it.as_str()))),
                    Some(_) => {}
                },
                _ => {}
            }
        }
    }

    fn shape(&mut self, shape: &Shape) {
        shape.for_each_expr(&mut |expr| self.expr(expr));
        shape.for_each_path(&mut |path| self.path(path));
    }

    fn rule(&mut self, rule: &ErrorRule) {
        rule.when.iter().for_each(|it| self.expr(it));
        rule.retry_after.iter().for_each(|it| self.shape(it));
        for piece in rule.say.iter().flat_map(|it| &it.pieces) {
            if let Piece::Expr(expr) = piece {
                self.expr(expr);
            }
        }
    }
}

/// Notes it in the steps of actions and lookups.
pub(super) fn note(connector: &mut Connector) {
    let mut general = Looks(Parts::none());
    let account = Arc::clone(&connector.account);
    let Contents { http, actions, lookups, .. } = connector.contents();
    http.reason.iter().chain(&http.message).for_each(|it| general.path(it));
    http.errors.iter().chain(&account.errors).for_each(|it| general.rule(it));
    let plans = actions.values_mut().map(|it| &mut it.plan).chain(lookups.values_mut().map(|it| &mut it.plan));
    for plan in plans {
        let single = plan.steps.len() == 1;
        let Plan { steps, output, .. } = plan;
        for step in steps {
            let Step { kind: StepKind::Request(request), output: own, .. } = step else { continue };
            // the items of pages, and what is taken back later, are looked at in other places
            let RequestStep { pages: None, undo: None, .. } = **request else { continue };
            let mut looks = general.clone();
            match own {
                Some(own) => looks.shape(own),
                // then the whole answer is `steps.<id>`
                None if !single || reads_steps(output) => continue,
                None => {}
            }
            if single {
                looks.shape(output);
            }
            request.errors.iter().for_each(|it| looks.rule(it));
            request.looked_at = looks.0;
        }
    }
}

fn reads_steps(shape: &Shape) -> bool {
    let mut found = false;
    shape.for_each_expr(&mut |it| found |= it.names.iter().any(|it| it.path.first().is_some_and(|it| it == "steps")));
    found
}

#[cfg(test)]
mod tests {
    use crate::spec::{
        StepKind,
        tests::{load_with, shop},
    };

    /// What the first step of an action keeps, whose request and output these are.
    fn kept(action: &str) -> String {
        let http = "{base_url: https://api.example.com, reason: $.code, errors: [{when: \"{{ answer.body.bad.so }}\", is: conflict}]}";
        let head = "title: Look\n    describe: Looks at what there is in the shop.\n    effect: read";
        let actions = format!("\n  look:\n    {head}\n{action}");
        let loaded = load_with(&shop(&[("http", http), ("actions", &actions)]), &[]);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.lines());
        let StepKind::Request(step) = &loaded.connectors[0].actions[0].plan.steps[0].kind else { panic!("no request") };
        step.looked_at.to_string()
    }

    #[test]
    fn a_step_keeps_what_its_output_and_the_rules_look_at() {
        let check = |action: &str, expected: &str| assert_eq!(kept(action), expected, "{action}");
        let one = "    request: {method: GET, path: /things}\n    output: ";
        check(
            &format!("{one}{{a: $.x.y, b: \"{{{{ answer.body.z.w }}}}\", c: '{{{{ answer.status }}}}'}}\n"),
            "{code, bad: {so}, z: {w}, x: {y}}",
        );
        check(&format!("{one}{{a: \"$['x y'][*].z\"}}\n"), "{code, bad: {so}, x y: [{z}]}");
        check(&format!("{one}{{a: \"$.x[0].y\", b: \"$.x[1]['z']\"}}\n"), "{code, bad: {so}, x: [{y, z}]}");
        check(&format!("{one}{{a: $.x.y, b: $.x}}\n"), "{code, bad: {so}, x}");
        check(&format!("{one}{{each: $.x, as: {{a: $.y}}}}\n"), "{code, bad: {so}, x, y}");
        check(&format!("{one}{{a: '$.x[?@.a == 1].b'}}\n"), "all");
        for whole in ["$", "'{{ answer.body }}'", "'{{ answer }}'", "$..x", "'$[?@.a == 1]'"] {
            check(&format!("{one}{{a: {whole}}}\n"), "all");
        }
        check("    request: {method: GET, path: /things}\n", "all");
        let steps = "    steps:\n      - id: one\n        request: {method: GET, path: /things}\n";
        check(
            &format!("{steps}        output: $.x\n    output: {{a: '{{{{ steps.one }}}}'}}\n"),
            "{code, bad: {so}, x}",
        );
        check(&format!("{steps}    output: {{a: '{{{{ steps.one.x }}}}'}}\n"), "all");
    }
}
