//! Objects.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::{Lower, plan::spoken, value::Paths};
use crate::{
    diag::{Diagnostic, codes},
    expr::{Each, Shape},
    spec::{
        Object, OrgType, Place, Plan,
        facts::Owner,
        keys::{self, DESCRIBE, OBJECT, ORG_FIELD},
        mapping::Mapping,
    },
    yaml::{Entry, Reader, Type, typed},
};

impl Lower<'_> {
    /// An entry of `objects`.
    pub(super) fn object(&mut self, entry: &Entry, scopes: &[String]) -> Option<Object> {
        let reader = Reader::open_entry(entry, &OBJECT, self.diagnostics)?;
        let name = entry.key.clone();
        let (config, _) = self.fields(&reader, "config", &Owner::Object(name.clone()));
        let (fields, _) = self.fields(&reader, "fields", &Owner::ObjectField(name.clone()));
        let places = self.places(&reader);
        let write = self.writes(&reader);
        let describe = reader.section("describe", &DESCRIBE, self.diagnostics).and_then(|it| self.description(&it));
        Some(Object {
            title: reader.text("title", self.diagnostics).map_or_else(|| spoken(&name), str::to_owned),
            scopes: self.scopes(&reader, scopes),
            config,
            fields,
            default: Arc::new(Mapping::of_places(&places)),
            places,
            write,
            describe,
            name,
        })
    }

    /// Where each unified field lands; one field of the org is the place of one of them.
    fn places(&mut self, reader: &Reader<'_>) -> IndexMap<String, Place> {
        let mut places: IndexMap<String, Place> = IndexMap::new();
        for entry in reader.node("fields").and_then(|it| it.as_map()).unwrap_or_default() {
            let mut place = Place::default();
            if let Some(node) = entry.value.get("to") {
                let wanted = typed::Wanted::new("to", Type::Text);
                place.to = typed::text(node, &wanted, self.diagnostics).map(str::to_owned);
                if let Some((other, _)) = places.iter().find(|(_, it)| it.to.is_some() && it.to == place.to) {
                    let message = format!("`{other}` lands in this field already");
                    self.error(codes::BAD_VALUE, node.span, message);
                }
            }
            if let Some(node) = entry.value.get("also") {
                let wanted = typed::Wanted::new("also", Type::OneOrMany(&Type::Text));
                let names = typed::texts(node, &wanted, self.diagnostics).unwrap_or_default();
                place.also = names.into_iter().map(|(name, _)| name.to_owned()).collect();
            }
            places.insert(entry.key.clone(), place);
        }
        places
    }

    fn writes(&mut self, reader: &Reader<'_>) -> Vec<(OrgType, Arc<crate::expr::Expr>)> {
        let mut writes = Vec::new();
        for entry in reader.mapping("write", self.diagnostics) {
            let expr = self.expr(&entry.value, &entry.key);
            if self.is_type(&entry.key, entry.key_span) {
                writes.extend(expr.map(|it| (OrgType::of_word(&entry.key), it)));
            }
        }
        writes
    }

    /// Reports a word that is written out, and is no type.
    fn is_type(&mut self, word: &str, span: crate::diag::Span) -> bool {
        let words = || OrgType::ALL.iter().map(|(_, word)| *word);
        if words().any(|it| it == word) {
            return true;
        }
        let message = format!("`{word}` is not a type of an org's field");
        let diagnostic = Diagnostic::error(codes::BAD_VALUE, span, message).did_you_mean(word, words());
        let all = || words().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        self.report(diagnostic.or_help(|| format!("there are {}", all())));
        false
    }

    fn description(&mut self, reader: &Reader<'_>) -> Option<Plan> {
        let (steps, paths) = self.looking_steps(reader);
        let each = reader.node("each").map(|it| (it.span, self.shape(it, paths)));
        let when = self.expr_at(reader, "when");
        let field = reader.section("field", &ORG_FIELD, self.diagnostics).map(|it| self.org_field(&it));
        let (span, over) = each?;
        let output = Shape::Each(Box::new(Each { span, over, when, shape: field? }));
        Some(Plan { steps, output, timeout: self.timeout(reader), object: None })
    }

    fn org_field(&mut self, reader: &Reader<'_>) -> Shape {
        let mut parts = Vec::new();
        for key in keys::ORG_FIELD.keys {
            let Some(shape) = self.shape_at(reader, key.name, Paths::Allowed) else { continue };
            if let (Shape::Literal(Json::String(word)), "type", Some(node)) = (&shape, key.name, reader.node(key.name))
            {
                self.is_type(word, node.span);
            }
            parts.push((key.name.to_owned(), shape));
        }
        Shape::Map(parts)
    }
}
