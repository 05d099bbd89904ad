//! Places as editors count them: lines from 0, and in a line UTF-16 code units.

/// A place between two characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 0.
    pub line: u32,
    /// UTF-16 code units from the beginning of the line.
    pub character: u32,
}

/// Where each line of a text begins.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The place of a byte of that text.
    pub fn position(&self, text: &str, byte: usize) -> Position {
        let byte = text.floor_char_boundary(byte.min(text.len()));
        let line = self.0.partition_point(|it| *it <= byte) - 1;
        let units = text[self.0[line]..byte].encode_utf16().count();
        Position { line: number(line), character: number(units) }
    }

    /// The byte of a place; beyond the end of a line or of the text it is that end.
    pub fn byte(&self, text: &str, position: Position) -> usize {
        let Some(start) = self.0.get(position.line as usize).copied() else { return text.len() };
        let line = text[start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let mut units = 0;
        for (at, it) in line.char_indices() {
            if units >= position.character as usize {
                return start + at;
            }
            units += it.len_utf16();
        }
        start + line.len()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_places_lead_to_each_other() {
        let text = "aü😀b\r\nc\n";
        let lines = Lines::of(text);
        for (byte, line, character) in [(0, 0, 0), (1, 0, 1), (3, 0, 2), (7, 0, 4), (8, 0, 5), (10, 1, 0), (12, 2, 0)] {
            let position = Position { line, character };
            assert_eq!(lines.position(text, byte), position, "{byte}");
            assert_eq!(lines.byte(text, position), byte, "{position:?}");
        }
        assert_eq!(lines.byte(text, Position { line: 0, character: 99 }), 8);
        assert_eq!(lines.byte(text, Position { line: 9, character: 0 }), text.len());
        assert_eq!(lines.byte("", Position { line: 0, character: 3 }), 0);
        // in the middle of a pair
        assert_eq!(lines.byte(text, Position { line: 0, character: 3 }), 7);
    }
}
