//! Names in expressions.

use super::{check, check_steps, load_with, shop};

/// A request whose answer `steps.first` is known to have `id` and `tags`.
const FIRST: &str = "
steps:
  - id: first
    request: {method: GET, path: /first, query: {n: \"{{ input.name }}{{ input.guests | length }}{{ input.count }}{{ config.place }}\"}}
    output: {id: $.id, tags: '$.tags[*]', who: {name: $.name}}
";

#[track_caller]
fn after_first(step: &str, expected: &[&str]) {
    check_steps(&format!("{FIRST}{step}"), expected);
}

#[track_caller]
fn reading(expression: &str, expected: &[&str]) {
    after_first(
        &format!("  - {{id: second, set: \"{{{{ {expression} }}}}\"}}\noutput: \"{{{{ steps.second }}}}\""),
        expected,
    );
}

#[test]
fn what_is_declared_can_be_read() {
    for expression in [
        "input.name",
        "input",
        "input.guests[0].email",
        "config.place",
        "connection.id ~ connection.label",
        "execution.key ~ execution.id ~ execution.org ~ execution.agent",
        "now",
        "steps.first",
        "steps.first.id",
        "steps.first.who.name",
        "steps.first['tags']",
    ] {
        let lines = load_with(
            &shop(&[(
                "actions",
                &super::action(&format!(
                    "{FIRST}  - {{id: second, set: \"{{{{ {expression} }}}}\"}}\noutput: \"{{{{ steps.second }}}}\""
                )),
            )]),
            &[],
        )
        .lines();
        let errors: Vec<_> = lines.into_iter().filter(|it| !it.starts_with("C8")).collect();
        assert_eq!(errors, Vec::<String>::new(), "{expression}");
    }
}

#[test]
fn unknown_names_are_told_with_what_was_meant() {
    reading(
        "email",
        &[
            "C201 email: there is no `email` (here are `input`, `config`, `connection`, `steps`, `execution`, `now`; text needs quotes: `'email'`)",
        ],
    );
    reading("name", &["C201 name: there is no `name` (write `input.name`)"]);
    reading("place", &["C201 place: there is no `place` (write `config.place`)"]);
    reading("first", &["C201 first: there is no `first` (write `steps.first`)"]);
    reading("imput.name", &["C201 imput: there is no `imput` (did you mean `input`?)"]);
    reading("input.nmae", &["C203 nmae: there is no `nmae` in `input` (did you mean `name`?)"]);
    reading("config.colour", &["C203 colour: there is no `colour` in `config` (there are `place`)"]);
    reading("connection.home", &["C203 home: there is no `home` in `connection` (there are `id`, `label`)"]);
    reading("execution.keys", &["C203 keys: there is no `keys` in `execution` (did you mean `key`?)"]);
}

#[test]
fn names_are_known_only_at_their_places() {
    reading(
        "answer.body",
        &[
            "C202 answer: `answer` is not known here (an answer is there in what is taken from it and asked of it: `output`, `errors`, `holds`, `until`, `token`)",
        ],
    );
    reading("item.id", &["C202 item: `item` is not known here (they are there inside `each`)"]);
    reading(
        "request.body",
        &[
            "C202 request: `request` is not known here (only `headers` and `query` of a scheme see the request that they sign, and `events` what was delivered)",
        ],
    );
    check(
        &[("http", "{base_url: https://api.example.com, headers: {X-Name: \"{{ input.name }}\"}}")],
        &["C202 input: `input` is not known here (only actions have an input)"],
    );
}

#[test]
fn steps_see_the_steps_before_them() {
    reading("steps.frist.id", &["C204 frist: there is no step `frist` (did you mean `first`?)"]);
    reading(
        "steps.second",
        &["C204 second: the step `second` has no output before it has run (before this place ran `first`)"],
    );
    reading("steps", &["C204 steps: `steps` itself is not a value (name a step: `steps.<id>`)"]);
    reading("steps.first.idd", &["C203 idd: `steps.first` has no `idd` (did you mean `id`?)"]);
    reading("steps.first.who.age", &["C203 age: `steps.first.who` has no `age` (it has `name`)"]);
    reading(
        "steps.first.tags.name",
        &[
            "C203 name: `steps.first.tags` is a list: it has no `name` (take an entry, `steps.first.tags[0].name`, or go through it by `each`)",
        ],
    );
    check_steps(
        "
steps:
  - {id: early, set: \"{{ steps.late }}\"}
  - {id: late, set: 1}
",
        &["C204 late: the step `late` comes later (no step has run before this place)"],
    );
}

#[test]
fn a_step_sees_its_own_output_only_to_take_it_back() {
    after_first(
        "  - id: made
    request: {method: POST, path: /made}
    idempotent: true
    output: {id: $.id}
    undo: {method: DELETE, path: \"/made/{{ steps.made.id }}\"}
  - id: other
    request: {method: POST, path: \"/other/{{ steps.first.id }}\"}
    idempotent: true
    undo: {method: DELETE, path: \"/made/{{ steps.made.uid }}\"}
output: \"{{ steps.other }}\"",
        &["C203 uid: `steps.made` has no `uid` (did you mean `id`?)"],
    );
}

#[test]
fn a_round_is_taken_back_by_its_own_output() {
    after_first(
        "  - id: every
    each: \"{{ input.guests }}\"
    request: {method: POST, path: /made, body: {email: \"{{ item.email }}\"}}
    idempotent: true
    output: {id: $.id}
    undo: {method: DELETE, path: \"/made/{{ steps.every.id }}/{{ item.email }}/{{ steps.first.id }}\"}
output: \"{{ steps.every.id }}\"",
        &[
            "C203 id: `steps.every` is a list: it has no `id` (take an entry, `steps.every[0].id`, or go through it by `each`)",
        ],
    );
}

#[test]
fn entries_are_known_inside_each() {
    after_first(
        "  - id: every
    each: \"{{ input.guests }}\"
    set: {email: \"{{ item.email }}\", nr: \"{{ index }}\"}
  - id: bad
    each: \"{{ item }}\"
    set: {each: \"{{ steps.every }}\", as: {x: $.email, y: \"{{ item.email }}\"}, when: \"{{ index > 0 }}\"}
output: [\"{{ steps.bad }}\", \"{{ steps.first.id }}\"]",
        &["C202 item: `item` is not known here (they are there inside `each`)"],
    );
}

#[test]
fn answers_have_four_parts_and_headers_in_lower_case() {
    after_first(
        "  - id: second
    request: {method: GET, path: \"/second/{{ steps.first.id }}\"}
    output: {a: \"{{ answer.statsu }}\", b: \"{{ answer.headers['ETag'] }}\", c: \"{{ answer.headers['etag'] }}\"}
output: \"{{ steps.second }}\"",
        &[
            "C203 statsu: there is no `statsu` in `answer` (did you mean `status`?)",
            "C203 'ETag': names of headers are in lower case here (write `answer.headers['etag']`)",
        ],
    );
}

#[test]
fn paths_need_something_to_look_into() {
    after_first(
        "  - {id: second, set: {id: $.id}}
  - {id: third, request: {method: POST, path: /x, body: {price: $.50, id: [\"{{ steps.first.id }}\", \"{{ steps.second }}\"]}}, idempotent: true}
output: {id: $.id}",
        &[
            "C209 $.id: there is no answer here for a path to look into (take the value from the step that got the answer: `{{ steps.<id>.<name> }}`)",
            "C806 $.50: this is sent as text, not as what it finds (take the value from the step that got the answer: `{{ steps.<id>.<name> }}`)",
            "C209 $.id: there is no answer here for a path to look into (take the value from the step that got the answer: `{{ steps.<id>.<name> }}`)",
        ],
    );
}

#[test]
fn keywords_in_values_can_be_quoted() {
    after_first(
        "  - {id: second, set: {\"as\": 1, \"each\": 2, \"when\": \"{{ steps.first.id }}\"}}
  - {id: third, set: {as: 1}}
output: [\"{{ steps.second }}\", \"{{ steps.third }}\"]",
        &[
            "C103 as: `each` lacks the key `each` (add `each: …`)",
            "C109 as: `as` makes this a list of entries (if the provider calls a key so, put it in quotes: `\"as\": …`)",
        ],
    );
}

#[test]
fn raw_is_for_documents() {
    after_first(
        "  - {id: second, request: {method: REPORT, path: /x, xml: \"<a>{{ steps.first.id | raw }}</a>\"}}
  - {id: third, set: \"{{ steps.second | raw }}\"}
output: \"{{ steps.third }}\"",
        &[
            "C803 steps.first.id | raw: this value is put in as it is (make sure that nobody else decides what it is)",
            "C803 steps.second | raw: `raw` means nothing here: only `xml`, `ics` and queries escape what is put into their text (remove it)",
        ],
    );
}
