//! The files that diagnostics point into.

/// A file in a [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A file's name, as shown to the author, and its text.
#[derive(Debug)]
pub struct Source {
    /// Such as `connectors/some-calendar/connector.yaml`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// All files of one run.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Takes a file in.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.0.push(Source { name: name.into(), text: text.into() });
        FileId(u32::try_from(self.0.len() - 1).expect("fewer than 2^32 files"))
    }

    /// The file of that id.
    pub fn get(&self, id: FileId) -> &Source {
        &self.0[id.0 as usize]
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn position(&self, id: FileId, byte: usize) -> (usize, usize) {
        let text = &self.get(id).text;
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}
