use serde_json::{Value as Json, json};

use super::*;
use crate::import::{draft::Schemas as Lines, tests::works};

/// A description with these paths and whatever else.
fn described(paths: &Json, more: &Json) -> Document {
    let mut all = json!({"openapi": "3.0.3", "info": {"title": "Pet Shop API", "version": "1"}, "servers": [{"url": "https://api.petshop.example/v1"}], "paths": paths});
    for (key, value) in more.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    Document::read(&all.to_string(), None).expect("it is a description")
}

#[tokio::test]
async fn the_smallest_description_becomes_a_connector() {
    let document = described(
        &json!({"/pets/{petId}": {"get": {"summary": "Gets one of the pets by its number", "responses": {"200": {"description": "ok"}}}}}),
        &json!({}),
    );
    let draft = connector(&document, &Wish::default()).expect("it can be made");
    assert_eq!(draft.id, "pet-shop");
    assert_eq!(draft.actions().collect::<Vec<_>>(), ["get_pets_pet_id"]);
    assert_eq!(works(&draft).await, 0, "{}", draft.files(Lines::default()).connector);
}
