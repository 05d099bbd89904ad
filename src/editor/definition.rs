//! Where what stands at a place is written.

use super::{Project, Target, expression, expression::Word, names::Names, outline::Kind, place::Place};

/// Where the name at a byte of the project's file is declared.
pub fn definition(project: &Project, byte: usize) -> Option<Target> {
    let file = &project.file;
    let place = Place::of(file, byte);
    let names = Names { project, file, place: &place };
    let last = place.last();
    if let Some(entry) = place.key {
        return names.free_keys().into_iter().find(|it| it.name == entry.key)?.target;
    }
    let Kind::Scalar(range) = &last.node.kind else { return None };
    if let Some(inside) = expression::placeholder(&file.text, range, byte) {
        let (range, word) = expression::word(&file.text, &inside, byte)?;
        let Word::Name(parts) = word else { return None };
        return names.find(&parts, &file.text[range])?.target;
    }
    let written = last.node.text(&file.text)?;
    let referred = || names.references()?.into_iter().find(|it| it.name == written);
    names.shared().or_else(referred)?.target
}
