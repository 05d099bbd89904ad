//! Ranges in A1 notation.

/// A rectangle of cells, from 0 on; an end that is not given is that of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cells {
    pub(super) top: usize,
    pub(super) left: usize,
    /// Exclusive.
    pub(super) bottom: Option<usize>,
    /// Exclusive.
    pub(super) right: Option<usize>,
}

/// A range as it was written: the tab's title, if it names one, and the cells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) tab: Option<String>,
    pub(super) cells: Cells,
}

/// What looks like cells is taken for cells, also where it was meant as a title: titles should be quoted.
pub(super) fn parse(text: &str) -> Option<Range> {
    let (tab, rest) = match text.strip_prefix('\'') {
        Some(quoted) => {
            let (title, rest) = unquote(quoted)?;
            (Some(title), rest.strip_prefix('!').or_else(|| rest.is_empty().then_some(""))?)
        }
        None => match text.split_once('!') {
            Some((title, rest)) => (Some(title.to_owned()), rest),
            None => match cells(text) {
                Some(cells) => return Some(Range { tab: None, cells }),
                None => (Some(text.to_owned()), ""),
            },
        },
    };
    let cells = if rest.is_empty() { Cells::default() } else { cells(rest)? };
    Some(Range { tab, cells })
}

/// The title up to its closing quote, doubled ones being single, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut title = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('\'')?;
        title.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('\'') {
            Some(more) => {
                title.push('\'');
                rest = more;
            }
            None => return Some((title, rest)),
        }
    }
}

/// `A1:B2`, `A2:E`, `2:5`, `C`… but a single corner must be a whole cell.
fn cells(text: &str) -> Option<Cells> {
    let (from, to) = match text.split_once(':') {
        Some((from, to)) => (corner(from)?, corner(to)?),
        None => {
            let cell = corner(text)?;
            (cell.0.is_some() && cell.1.is_some()).then_some((cell, cell))?
        }
    };
    Some(Cells {
        top: from.1.unwrap_or_default(),
        left: from.0.unwrap_or_default(),
        bottom: to.1.map(|it| it + 1),
        right: to.0.map(|it| it + 1),
    })
}

/// Column and row, from 0 on.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let letters = text.len() - text.trim_start_matches(|it: char| it.is_ascii_uppercase()).len();
    let (letters, digits) = text.split_at(letters);
    if letters.len() > 3 || text.is_empty() {
        return None;
    }
    let column = letters.bytes().fold(0, |all, it| all * 26 + usize::from(it - b'A') + 1).checked_sub(1);
    let row = if digits.is_empty() { None } else { Some(digits.parse::<usize>().ok()?.checked_sub(1)?) };
    Some((column, row))
}

/// As the provider writes it: quoted only where it has to be.
pub(super) fn write(title: &str, top: usize, left: usize, bottom: usize, right: usize) -> String {
    let plain = title.chars().all(|it| it.is_alphanumeric() || it == '_') && cells(title).is_none();
    let title = if plain { title.to_owned() } else { format!("'{}'", title.replace('\'', "''")) };
    let first = format!("{}{}", letters(left), top + 1);
    let last = format!("{}{}", letters(right - 1), bottom);
    if first == last { format!("{title}!{first}") } else { format!("{title}!{first}:{last}") }
}

fn letters(column: usize) -> String {
    let (mut rest, mut text) = (column + 1, String::new());
    while rest > 0 {
        rest -= 1;
        text.insert(0, char::from(b'A' + u8::try_from(rest % 26).expect("less than 26")));
        rest /= 26;
    }
    text
}

#[test]
fn ranges_are_read_and_written() {
    let range =
        |text: &str| parse(text).map(|it| (it.tab, it.cells.top, it.cells.left, it.cells.bottom, it.cells.right));
    let tab = |it: &str| Some(it.to_owned());
    assert_eq!(range("'Jon''s Leads'!A2:E"), Some((tab("Jon's Leads"), 1, 0, None, Some(5))));
    assert_eq!(range("Leads!2:5"), Some((tab("Leads"), 1, 0, Some(5), None)));
    assert_eq!(range("'Leads'"), Some((tab("Leads"), 0, 0, None, None)));
    assert_eq!(range("AB3"), Some((None, 2, 27, Some(3), Some(28))));
    assert_eq!(range("CRM26"), Some((None, 25, 2508, Some(26), Some(2509))), "it was meant as a title");
    assert_eq!(range("Leads!"), range("Leads"));
    assert_eq!(range("Leads!A0"), None);
    assert_eq!(write("Price list", 1, 0, 3, 27), "'Price list'!A2:AA3");
    assert_eq!(write("Leads", 7, 2, 8, 3), "Leads!C8");
    assert_eq!(write("Q1", 0, 0, 1, 1), "'Q1'!A1");
}
