use super::*;
use crate::store::ConnectorVersion;

#[tokio::test]
async fn a_version_is_kept_once_and_found_by_its_digest() {
    let fresh = fresh().await;
    let versions = fresh.store.connector_versions();
    let version = |digest: &str, files: &Json| ConnectorVersion {
        digest: digest.into(),
        id: "shop".into(),
        version: "1.0.0".into(),
        files: files.clone(),
        created_at: at(0),
    };
    let first = version("a", &json!({"connector": "id: shop"}));
    versions.keep(std::slice::from_ref(&first)).await.unwrap();
    versions.keep(&[version("a", &json!("another")), version("b", &json!(2))]).await.unwrap();
    assert_eq!(versions.get("a").await.unwrap(), Some(first), "it never changes");
    assert_eq!(versions.get("c").await.unwrap(), None);
    assert_eq!(versions.digests().await.unwrap(), ["a".to_owned(), "b".to_owned()].into());
}
