//! Steps, calls and what nobody reads.

use super::{check, check_steps};

/// Reads every field, so that only the step under test is told.
const READS: &str = "query: {a: \"{{ input.name ~ (input.guests | length) ~ input.count ~ config.place }}\"}";

#[test]
fn nothing_stands_behind_the_end() {
    check_steps(
        &format!(
            "
steps:
  - {{id: end, fail: {{as: conflict}}}}
  - {{id: after, request: {{method: POST, path: /a, {READS}}}, idempotent: true}}
"
        ),
        &["C701 after: the step `after` is never reached (give the step `end` a `when`, or remove what follows)"],
    );
    check_steps(
        &format!(
            "
steps:
  - {{id: never, when: \"{{{{ false }}}}\", fail: {{as: conflict}}}}
  - {{id: perhaps, when: \"{{{{ input.count > 3 }}}}\", fail: {{as: conflict}}}}
  - {{id: after, request: {{method: POST, path: /a, {READS}}}, idempotent: true}}
"
        ),
        &["C701 false: this is never true: the step `never` never runs (remove the step, or test a value)"],
    );
}

#[test]
fn step_ids_are_unique() {
    check_steps(
        &format!(
            "
steps:
  - {{id: a, request: {{method: POST, path: /a, {READS}}}, idempotent: true}}
  - {{id: a, request: {{method: POST, path: /b}}, idempotent: true}}
"
        ),
        &["C207 a: the step id `a` is used twice (give each step an id of its own)"],
    );
}

#[test]
fn what_nobody_reads_is_told() {
    check_steps(
        "
steps:
  - {id: found, request: {method: GET, path: /a}}
  - {id: computed, set: 1}
  - {id: written, request: {method: POST, path: /b, body: {name: \"{{ input.name }}\"}}, idempotent: true}
",
        &[
            "C801 place: nobody reads `place` (use it as `config.place`, or remove it)",
            "C801 guests: nobody reads `guests` (use it as `input.guests`, or remove it)",
            "C801 count: nobody reads `count` (use it as `input.count`, or remove it)",
            "C802 found: nobody reads what this request finds (use `steps.found`, or remove the step)",
            "C802 computed: nobody reads what this step computes (use `steps.computed`, or remove the step)",
        ],
    );
}

#[test]
fn writes_can_be_verified() {
    check_steps(
        &format!("request: {{method: POST, path: /a, {READS}}}"),
        &[
            "C804 request: if the answer to this write is lost, nobody can tell whether it happened (add `verify`, or `idempotent: true` if sending it twice does no harm)",
        ],
    );
    check_steps(
        &format!(
            "request: {{method: POST, path: /a, {READS}}}\nverify: {{method: GET, path: \"/a/{{{{ execution.key }}}}\", holds: \"{{{{ answer.body.name == input.name }}}}\", on: [conflict, declined]}}"
        ),
        &[],
    );
}

const CALLS: &str = "
  outer:
    title: Outer
    describe: Does what there is to do in the shop.
    effect: EFFECT
    config: {place: {type: string}}
    steps:
      - {id: inner, call: {action: inner, input: INPUT}}
    output: \"{{ steps.inner.id ~ config.place }}\"
  inner:
    title: Inner
    describe: Does what there is to do in the shop.
    effect: write
    config: {shelf: {type: string}}
    input: {name: {type: string}, note: {type: string, required: false}}
    request: {method: POST, path: /a, body: {a: \"{{ input.name ~ input.note ~ config.shelf }}\"}}
    idempotent: true
    output: {id: $.id}
";

#[test]
fn a_called_action_gets_what_it_needs() {
    let actions = CALLS.replace("EFFECT", "read").replace("INPUT", "{nmae: a}");
    check(
        &[("actions", &actions)],
        &[
            "C103 inner: the action `inner` needs the input `name` (add `name` to `input` of the call)",
            "C203 inner: the action `inner` has no input `nmae` (did you mean `name`?)",
            "C210 inner: `inner` needs `config.shelf`, which `outer` does not declare (add `shelf` to `config` of `outer`)",
            "C508 inner: `outer` has the effect `read`, but calls `inner`, whose effect is `write` (give `outer` the effect `write`)",
        ],
    );
    let actions = CALLS
        .replace("EFFECT", "write")
        .replace("INPUT", "{name: a}")
        .replace("config: {place: {type: string}}", "config: {place: {type: string}, shelf: {type: string}}");
    check(&[("actions", &actions)], &[]);
    check(
        &[("actions", &actions.replace("steps.inner.id", "steps.inner.idd"))],
        &["C203 idd: `steps.inner` has no `idd` (did you mean `id`?)"],
    );
    check(
        &[("actions", &actions.replace("action: inner", "action: iner"))],
        &["C205 iner: there is no action `iner` (did you mean `inner`?)"],
    );
}

#[test]
fn actions_do_not_call_themselves() {
    let action = |name: &str, called: &str| {
        format!(
            "
  {name}:
    title: Act
    describe: Does what there is to do in the shop.
    effect: write
    steps: [{{id: next, call: {{action: {called}}}}}]"
        )
    };
    let actions = [action("a", "b"), action("b", "c"), action("c", "b")].concat();
    check(
        &[("actions", &actions)],
        &[
            "C206 next: `b` would call itself without end: `b` calls `c` calls `b` (put what both need into an action of its own, or into steps)",
            "C206 next: `c` would call itself without end: `c` calls `b` calls `c` (put what both need into an action of its own, or into steps)",
        ],
    );
}

#[test]
fn only_actions_call_actions() {
    let lookups = "
  things:
    steps: [{id: next, call: {action: look}}]
    each: \"{{ steps.next }}\"
    option: {value: $.id, label: $.name}
";
    check(
        &[("lookups", lookups)],
        &["C109 next: only actions can call actions: here there is neither input nor execution (use a `request`)"],
    );
}
