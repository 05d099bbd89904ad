//! Where the parts of a request come from.

use super::{super::provenance::Given, *};
use crate::spec::StepKind;

#[test]
fn every_place_is_traced_to_what_it_is_made_of() {
    let sections = "
actions:
  act:
    title: Act
    describe: Books a room for the customer.
    effect: write
    config:
      place: {type: string}
      minutes: {type: integer, default: 30}
    input:
      start: {type: string}
      email: {type: string, required: false}
      guests: {type: array, required: false}
    steps:
      - {id: busy, request: {method: GET, path: /busy}}
      - id: room
        request:
          method: POST
          path: /places/{{ config.place }}/rooms
          query: {send: true, minutes: '{{ config.minutes }}'}
          headers: {x-key: '{{ execution.key }}'}
          body:
            start: '{{ input.start }}'
            end: '{{ input.start | plus_minutes(config.minutes) }}'
            note: Booked by {{ input.email }} at {{ now }}
            contact: {when: '{{ input.email }}', email: '{{ input.email }}'}
            guests: {each: '{{ input.guests }}', as: {name: '{{ item.name }}'}}
            list: [fixed, '{{ steps.busy.conflicts[0] }}']
        output: {id: $.id, by: '{{ answer.status }}'}
    output: '{{ steps.room }}'
";
    let connector = connector(sections, &[]);
    let action = &connector.actions["act"];
    let (input, config) = (json!({"start": "x", "guests": []}), json!({"place": "p"}));
    let given = Given::new(action, &input, &config);
    let StepKind::Request(step) = &action.plan.steps[1].kind else { panic!("not a request") };
    let mut origins = given.request(&step.request);
    origins.extend(given.output(action.plan.steps[1].output.as_ref().unwrap()));
    let lines: Vec<_> = origins
        .iter()
        .map(|it| {
            let from: Vec<_> = it.from.iter().map(ToString::to_string).collect();
            format!("{}: {}", it.place, from.join(" + "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "path: config.place",
            "query.send: literal",
            "query.minutes: default of config.minutes",
            "headers.x-key: execution.key",
            "body.start: input.start",
            "body.end: input.start + default of config.minutes",
            "body.note: input.email (not given) + now",
            "body.contact.email: input.email (not given)",
            "body.guests: input.guests",
            "body.guests[].name: item.name",
            "body.list[0]: literal",
            "body.list[1]: steps.busy.conflicts",
            "output.id: $.id of the answer",
            "output.by: answer.status",
        ]
    );
}
