use super::*;
use crate::store::{Error, Event, EventType, OrgObject};

fn lead(org: OrgId, connection: ConnectionId, config: &str) -> OrgObject {
    OrgObject { org, connection, connector: "crm".into(), object: "lead".into(), config: config.into() }
}

#[tokio::test]
async fn a_mapping_holds_for_its_config_and_one_without_config_for_all_others() {
    let fresh = fresh().await;
    let mappings = fresh.store.mappings();
    let org = new_org(&fresh.store).await;
    let connection = new_connection(&fresh.store, org).await;
    let (any, inbound) = (lead(org, connection, "{}"), lead(org, connection, r#"{"type":"inbound"}"#));
    assert_eq!(mappings.get(&any).await.unwrap(), None);

    mappings.save(&any, &json!({"fields": {}}), at(1)).await.unwrap();
    let document = async |of: &OrgObject| mappings.get(of).await.unwrap().map(|it| it.document);
    assert_eq!(document(&inbound).await, Some(json!({"fields": {}})));
    mappings.save(&inbound, &json!({"fields": {"a": {"to": "A"}}}), at(2)).await.unwrap();
    mappings.save(&inbound, &json!({"fields": {"a": {"to": "B"}}}), at(3)).await.unwrap();
    let saved = mappings.get(&inbound).await.unwrap().unwrap();
    assert_eq!((saved.created_at, saved.updated_at, &saved.document["fields"]["a"]["to"]), (at(2), at(3), &json!("B")));
    assert_eq!(document(&any).await, Some(json!({"fields": {}})));
    assert_eq!(mappings.of_connection(org, connection).await.unwrap().len(), 2);

    let elsewhere = OrgObject { object: "task".into(), ..any.clone() };
    assert_eq!(mappings.get(&elsewhere).await.unwrap(), None);
    assert!(mappings.remove(&inbound).await.unwrap());
    assert!(!mappings.remove(&inbound).await.unwrap());
    assert_eq!(document(&inbound).await, Some(json!({"fields": {}})));

    let other = new_org(&fresh.store).await;
    let refused = mappings.save(&lead(other, connection, "{}"), &json!({}), at(1)).await;
    assert!(matches!(refused, Err(Error::Missing)), "{refused:?}");
}

#[tokio::test]
async fn one_caller_at_a_time_describes_what_is_due() {
    let fresh = fresh().await;
    let mappings = fresh.store.mappings();
    let org = new_org(&fresh.store).await;
    let of = lead(org, new_connection(&fresh.store, org).await, "{}");
    assert!(mappings.claim(&of, at(0), at(600)).await.unwrap(), "nobody has described it");
    assert!(!mappings.claim(&of, at(1), at(601)).await.unwrap(), "somebody is about to");
    let row = mappings.described(&of).await.unwrap().unwrap();
    assert_eq!((row.fields, row.described_at, row.due_at), (None, None, at(600)));
    assert!(mappings.claim(&of, at(600), at(1200)).await.unwrap(), "nothing came of it");

    mappings.describe(&of, &json!([{"name": "A"}]), at(601), at(90_000)).await.unwrap();
    assert!(mappings.due(at(89_999), 10).await.unwrap().is_empty());
    assert_eq!(mappings.due(at(90_000), 10).await.unwrap().len(), 1);
    mappings.expire(&of).await.unwrap();
    assert!(mappings.claim(&of, at(602), at(1202)).await.unwrap(), "it is not what it was");
    let row = mappings.described(&of).await.unwrap().unwrap();
    assert_eq!((row.fields, row.described_at), (Some(json!([{"name": "A"}])), Some(at(601))), "until it is known anew");
    mappings.forget(&of).await.unwrap();
    assert_eq!(mappings.described(&of).await.unwrap(), None);
}

#[tokio::test]
async fn that_an_action_needs_attention_is_told_once() {
    let fresh = fresh().await;
    let actions = fresh.store.enabled_actions();
    let org = new_org(&fresh.store).await;
    let row = enabled(org, new_connection(&fresh.store, org).await);
    actions.insert(&row).await.unwrap();
    let event = || Event {
        org,
        id: crate::base::EventId::new(at(1), &SystemRandom),
        kind: EventType::ActionNeedsAttention,
        at: at(1),
        connection: Some(row.connection),
        execution: None,
        data: json!({}),
    };
    let told = async || fresh.store.events().list(org, None, 0, 10).await.unwrap().len();
    let problems = ["a field is gone".to_owned()];
    assert!(actions.note(org, row.id, &problems, Some(&event())).await.unwrap());
    assert!(!actions.note(org, row.id, &problems, Some(&event())).await.unwrap(), "the same again");
    assert_eq!(told().await, 1);
    assert_eq!(actions.get(org, row.id).await.unwrap().unwrap().attention, problems);
    assert!(actions.note(org, row.id, &[], None).await.unwrap());
    assert_eq!(actions.get(org, row.id).await.unwrap(), Some(row));
    assert_eq!(told().await, 1);
}
