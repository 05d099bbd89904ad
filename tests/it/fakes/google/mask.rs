//! Partial answers: `fields=a,b(c,d),e/f`.

use serde_json::{Map, Value as Json};

/// What a mask keeps of each level.
#[derive(Debug, Default)]
struct Mask(Vec<(String, Mask)>);

/// The parts of `whole` that the mask names; all of it without a mask. `None` if the mask can't be read.
pub(super) fn apply(whole: Json, mask: Option<&str>) -> Option<Json> {
    let Some(text) = mask else { return Some(whole) };
    let mut rest = text;
    let mask = read(&mut rest)?;
    rest.is_empty().then(|| keep(whole, &mask))
}

fn read(rest: &mut &str) -> Option<Mask> {
    let mut mask = Mask::default();
    loop {
        mask.0.push(field(rest)?);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => return Some(mask),
        }
    }
}

fn field(rest: &mut &str) -> Option<(String, Mask)> {
    let end = rest.find([',', '(', ')', '/']).unwrap_or(rest.len());
    let name = rest[..end].to_owned();
    *rest = &rest[end..];
    if name.is_empty() {
        return None;
    }
    let below = if let Some(more) = rest.strip_prefix('/') {
        *rest = more;
        Mask(vec![field(rest)?])
    } else if let Some(more) = rest.strip_prefix('(') {
        *rest = more;
        let mask = read(rest)?;
        *rest = rest.strip_prefix(')')?;
        mask
    } else {
        Mask::default()
    };
    Some((name, below))
}

fn keep(value: Json, mask: &Mask) -> Json {
    match value {
        _ if mask.0.is_empty() => value,
        Json::Array(list) => list.into_iter().map(|it| keep(it, mask)).collect(),
        Json::Object(mut map) => {
            let kept = mask.0.iter().filter_map(|(name, below)| Some((name.clone(), keep(map.remove(name)?, below))));
            Json::Object(kept.collect::<Map<_, _>>())
        }
        other => other,
    }
}

#[test]
fn a_mask_keeps_what_it_names() {
    use serde_json::json;
    let whole = json!({"a": 1, "b": [{"c": 1, "d": 2}, {"c": 3}], "e": {"f": 4, "g": 5}, "next": "t"});
    assert_eq!(apply(whole.clone(), Some("b(c),e/f")), Some(json!({"b": [{"c": 1}, {"c": 3}], "e": {"f": 4}})));
    assert_eq!(apply(whole.clone(), None), Some(whole.clone()));
    assert_eq!(apply(whole, Some("b(c")), None);
}
